// A goroutine for each connection, as net/http has it. Each request asks another HTTP server by the default client, then Redis over
// connections from a pool; with "channel" the calls are made by sixteen workers that take them from a channel.
// Usage: shop PORT HTTP_PORT REDIS_PORT direct|channel
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

type link struct {
	socket net.Conn
	reader *bufio.Reader
}

var (
	httpPort = os.Args[2]
	links    = make(chan *link, 16)
	client   = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}}
)

type job struct {
	mark string
	done chan error
}

func redisGet(key string) error {
	one := <-links
	defer func() { links <- one }()
	if _, err := fmt.Fprintf(one.socket, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key); err != nil {
		return err
	}
	_, err := one.reader.ReadString('\n')
	return err
}

func work(mark string) error {
	response, err := client.Get("http://127.0.0.1:" + httpPort + "/item/" + mark)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	return redisGet("cart:" + mark)
}

func main() {
	for i := 0; i < cap(links); i++ {
		socket, err := net.Dial("tcp", "127.0.0.1:"+os.Args[3])
		if err != nil {
			panic(err)
		}
		links <- &link{socket, bufio.NewReader(socket)}
	}
	jobs := make(chan job)
	for i := 0; i < 16; i++ {
		go func() {
			for one := range jobs {
				one.done <- work(one.mark)
			}
		}()
	}
	isDirect := os.Args[4] == "direct"
	http.HandleFunc("/", func(w http.ResponseWriter, request *http.Request) {
		mark := request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]
		var err error
		if isDirect {
			err = work(mark)
		} else {
			one := job{mark, make(chan error)}
			jobs <- one
			err = <-one.done
		}
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
		}
		fmt.Fprintln(w, "ok")
	})
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

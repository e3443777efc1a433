// The calls that the programs in Go make for a request: another HTTP server by the default client, then Redis over connections from a pool. Their
// ports are the second and the third argument. Also of the program in grpc/, a module of its own, by a link there.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
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

// connectRedis fills the pool.
func connectRedis() {
	for i := 0; i < cap(links); i++ {
		socket, err := net.Dial("tcp", "127.0.0.1:"+os.Args[3])
		if err != nil {
			panic(err)
		}
		links <- &link{socket, bufio.NewReader(socket)}
	}
}

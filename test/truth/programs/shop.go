// A goroutine for each connection, as net/http has it. Each request asks another HTTP server by the default client, then Redis over
// connections from a pool; with "channel" the calls are made by sixteen workers that take them from a channel.
// Usage: shop PORT HTTP_PORT REDIS_PORT direct|channel
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

type job struct {
	mark string
	done chan error
}

func main() {
	connectRedis()
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

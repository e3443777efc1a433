// A server of Go's net/http: one kibibyte for each request.
package main

import (
	"net/http"
	"os"
	"strings"
)

func main() {
	body := []byte(strings.Repeat("x", 1024))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { w.Write(body) })
	panic(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

// A gRPC server as google.golang.org/grpc makes it: a goroutine reads a connection and begins one for each of its streams, another one
// writes. Each request asks another HTTP server by the default client, then Redis over connections from a pool. It takes any service, so
// that the caller's mark can stand in its name: /work.MARK/Ask.
// Usage: grpc PORT HTTP_PORT REDIS_PORT
package main

import (
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
)

func serve(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	var question []byte
	if err := stream.RecvMsg(&question); err != nil {
		return err
	}
	service := method[:strings.LastIndex(method, "/")]
	if err := work(service[strings.LastIndex(service, ".")+1:]); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	return stream.SendMsg(question)
}

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

func (bytesCodec) Marshal(message any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(message.([]byte))}, nil
}

func (bytesCodec) Unmarshal(data mem.BufferSlice, message any) error {
	*message.(*[]byte) = data.Materialize()
	return nil
}

func (bytesCodec) Name() string { return "bytes" }

func main() {
	connectRedis()
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		panic(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(serve), grpc.ForceServerCodecV2(bytesCodec{}))
	panic(server.Serve(listener))
}

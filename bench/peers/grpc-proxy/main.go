// Command grpc-proxy passes every gRPC call on, message by message, with grpc-go on both sides.
//
//	grpc-proxy -listen 127.0.0.1:8080 -backend 127.0.0.1:9001
package main

import (
	"errors"
	"flag"
	"io"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// frame is a message that nobody decodes.
type frame struct{ data mem.BufferSlice }

// passCodec keeps messages as the bytes they came as.
type passCodec struct{}

func (passCodec) Marshal(value any) (mem.BufferSlice, error) {
	data := value.(*frame).data
	data.Ref()
	return data, nil
}

func (passCodec) Unmarshal(data mem.BufferSlice, value any) error {
	data.Ref()
	value.(*frame).data = data
	return nil
}

func (passCodec) Name() string { return "proto" }

var streamDesc = &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}

// pass gives one call to the backend and its answers back.
func pass(backend *grpc.ClientConn) grpc.StreamHandler {
	return func(_ any, client grpc.ServerStream) error {
		method, known := grpc.MethodFromServerStream(client)
		if !known {
			return status.Error(codes.Internal, "no method")
		}
		fields, _ := metadata.FromIncomingContext(client.Context())
		ctx := metadata.NewOutgoingContext(client.Context(), fields)
		server, err := backend.NewStream(ctx, streamDesc, method)
		if err != nil {
			return err
		}
		// An error of this side ends the other through the context that both share.
		go func() { _ = sendAll(client, server) }()
		err = receiveAll(server, client)
		client.SetTrailer(server.Trailer())
		return err
	}
}

// sendAll passes the client's messages until it ends its side.
func sendAll(client grpc.ServerStream, server grpc.ClientStream) error {
	for {
		var message frame
		if err := client.RecvMsg(&message); errors.Is(err, io.EOF) {
			return server.CloseSend()
		} else if err != nil {
			return err
		}
		err := server.SendMsg(&message)
		message.data.Free()
		if err != nil {
			return err
		}
	}
}

// receiveAll passes the backend's messages until its status comes.
func receiveAll(server grpc.ClientStream, client grpc.ServerStream) error {
	header, err := server.Header()
	if err == nil && header != nil {
		if err := client.SendHeader(header); err != nil {
			return err
		}
	}
	for {
		var message frame
		if err := server.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		err := client.SendMsg(&message)
		message.data.Free()
		if err != nil {
			return err
		}
	}
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	address := flag.String("backend", "127.0.0.1:9001", "where calls go")
	flag.Parse()
	encoding.RegisterCodecV2(passCodec{})
	backend, err := grpc.NewClient(*address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnknownServiceHandler(pass(backend)))
	log.Fatal(server.Serve(listener))
}

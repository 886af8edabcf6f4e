// A service of demo.v1.Tasks whose calls are traced by otelgrpc and otelhttp, and by nothing of ours.
//
//	tasks-service PROTO LISTEN HEALTH TARGET
//
// PROTO is the folder that holds demo/v1/tasks.proto, LISTEN where it serves that, HEALTH where it answers HTTP once
// it does, TARGET the URL of the service that is asked for an IO task. The rest is told by OTEL_* variables.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/bufbuild/protocompile"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// The member of the baggage that becomes an attribute, as in every service of the demo.
const tier = "app.customer.tier"

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: tasks-service PROTO LISTEN HEALTH TARGET")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, protos, listen, health, target string) error {
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return err
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(
		propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}))

	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{protos}}}
	files, err := compiler.Compile(ctx, "demo/v1/tasks.proto")
	if err != nil {
		return err
	}
	service := files[0].Services().ByName("Tasks")
	method := service.Methods().ByName("CpuTask")
	handler := func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		request := dynamicpb.NewMessage(method.Input())
		if err := decode(request); err != nil {
			return nil, err
		}
		limit := request.Get(method.Input().Fields().ByName("limit")).Uint()
		return cpuTask(ctx, target, method.Output(), int64(limit))
	}
	server := grpc.NewServer(grpc.StatsHandler(otelgrpc.NewServerHandler()))
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: string(service.FullName()),
		Methods:     []grpc.MethodDesc{{MethodName: string(method.Name()), Handler: handler}},
	}, nil)

	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	ready, err := net.Listen("tcp", health)
	if err != nil {
		return err
	}
	go http.Serve(ready, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	go func() {
		<-ctx.Done()
		server.GracefulStop()
	}()
	if err := server.Serve(listener); err != nil {
		return err
	}
	return provider.Shutdown(context.Background())
}

func cpuTask(
	ctx context.Context, target string, output protoreflect.MessageDescriptor, limit int64,
) (proto.Message, error) {
	member := baggage.FromContext(ctx).Member(tier)
	trace.SpanFromContext(ctx).SetAttributes(attribute.String(tier, member.Value()))
	ioTask, err := get(ctx, target+"/io_task")
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	primes := 0
	for number := range limit {
		if big.NewInt(number).ProbablyPrime(0) {
			primes++
		}
	}
	// What is answered over HTTP is an IoTask in protobuf's JSON.
	answer := dynamicpb.NewMessage(output)
	text := fmt.Sprintf(`{"service": %q, "primes": %d, "ioTask": %s}`, os.Getenv("OTEL_SERVICE_NAME"), primes, ioTask)
	return answer, protojson.Unmarshal([]byte(text), answer)
}

func get(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: otelhttp.NewTransport(http.DefaultTransport)}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

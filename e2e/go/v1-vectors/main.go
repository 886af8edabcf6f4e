// Prints spans of Jaeger's storage API v1 beside OTLP, as the translator of Jaeger and the Collector converts them, for
// the tests of ours: to OTLP with the argument to-otlp, from OTLP with from-otlp. A vector's messages are protobuf in
// base64, because JSON would need a second mapping.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/jaegertracing/jaeger-idl/model/v1"
	translator "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/jaeger"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A case before and after. No two cases share a trace.
type vector struct {
	Name string `json:"name"`
	// Each an encoded jaeger.api_v2.Span with its process.
	V1 [][]byte `json:"v1"`
	// An encoded TracesData.
	Otlp []byte `json:"otlp"`
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: v1-vectors to-otlp|from-otlp")
	}
	var vectors []vector
	switch os.Args[1] {
	case "to-otlp":
		for _, c := range toOtlpCases() {
			vectors = append(vectors, toOtlp(c))
		}
	case "from-otlp":
		for _, c := range fromOtlpCases() {
			vectors = append(vectors, fromOtlp(c))
		}
	default:
		log.Fatalf("unknown direction %s", os.Args[1])
	}
	out, err := json.MarshalIndent(vectors, "", "  ")
	check(err)
	fmt.Println(string(out))
}

func toOtlp(c v1Case) vector {
	before, err := c.span.Marshal()
	check(err)
	// The translator takes tags out of the span it is given.
	traces, err := translator.ProtoToTraces([]*model.Batch{{Spans: []*model.Span{c.span}}})
	check(err)
	after, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(traces)
	check(err)
	return vector{Name: c.name, V1: [][]byte{before}, Otlp: after}
}

func fromOtlp(c otlpCase) vector {
	before, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(c.traces)
	check(err)
	v := vector{Name: c.name, Otlp: before}
	for _, batch := range translator.ProtoFromTraces(c.traces) {
		for _, span := range batch.Spans {
			// As Jaeger does before it writes to a storage plugin.
			span.Process = batch.Process
			after, err := span.Marshal()
			check(err)
			v.V1 = append(v.V1, after)
		}
	}
	return v
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

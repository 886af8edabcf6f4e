// Package remote runs Jaeger's storage suite against a server that is there, where Jaeger's own test
// starts one.
package remote

import (
	"context"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/jaegertracing/jaeger/model"
	"github.com/jaegertracing/jaeger/pkg/config"
	"github.com/jaegertracing/jaeger/pkg/metrics"
	"github.com/jaegertracing/jaeger/plugin/storage/grpc"
	"github.com/jaegertracing/jaeger/plugin/storage/integration"
	"github.com/jaegertracing/jaeger/storage/spanstore"
	"github.com/jaegertracing/jaeger/storage_v2/v1adapter"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

type remote struct {
	integration.StorageIntegration
	factory *grpc.Factory
	writer  io.Closer
}

func TestRemoteStorage(t *testing.T) {
	var s remote
	s.CleanUp = func(t *testing.T) {
		s.disconnect(t)
		response, err := http.Post(os.Getenv("PURGER_ENDPOINT"), "", nil)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		s.connect(t)
	}
	s.connect(t)
	defer s.disconnect(t)
	s.RunAll(t)
}

// connect makes what Jaeger makes of the same flags.
func (s *remote) connect(t *testing.T) {
	logger := zaptest.NewLogger(t)
	s.factory = grpc.NewFactory()
	v, command := config.Viperize(s.factory.AddFlags)
	require.NoError(t, command.ParseFlags([]string{
		"--grpc-storage.server=" + os.Getenv("REMOTE_STORAGE_ENDPOINT"),
		"--grpc-storage.tls.enabled=false",
	}))
	s.factory.InitFromViper(v, logger)
	require.NoError(t, s.factory.Initialize(metrics.NullFactory, logger))

	writer, err := s.factory.CreateSpanWriter()
	require.NoError(t, err)
	s.writer = writer.(io.Closer)
	s.TraceWriter = v1adapter.NewTraceWriter(uncancelled{writer})
	reader, err := s.factory.CreateSpanReader()
	require.NoError(t, err)
	s.TraceReader = v1adapter.NewTraceReader(reader)
	dependencies, err := s.factory.CreateDependencyReader()
	require.NoError(t, err)
	s.DependencyReader = v1adapter.NewDependencyReader(dependencies)
	s.ArchiveSpanReader, err = s.factory.CreateArchiveSpanReader()
	require.NoError(t, err)
	s.ArchiveSpanWriter, err = s.factory.CreateArchiveSpanWriter()
	require.NoError(t, err)
}

// uncancelled writes as Jaeger's collector does, in whose context a stream outlives the write that
// began it. The suite ends that of each write.
type uncancelled struct{ spanstore.Writer }

func (w uncancelled) WriteSpan(ctx context.Context, span *model.Span) error {
	return w.Writer.WriteSpan(context.WithoutCancel(ctx), span)
}

// disconnect returns when every span written is in the store, so that none comes after a purge.
func (s *remote) disconnect(t *testing.T) {
	require.NoError(t, s.writer.Close())
	require.NoError(t, s.factory.Close())
}

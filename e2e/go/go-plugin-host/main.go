// The host of a plugin that serves greeter.Greeter. It starts the plugin, uses everything that go-plugin has for
// one, ends it, and prints what it saw as JSON.
//
//	go-plugin-host VERSIONS PLUGIN [ARGUMENT...]
//
// VERSIONS are those of the plugin's protocol that it speaks, separated by commas.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// How long it waits for what the plugin prints.
const deadline = 30 * time.Second

type seen struct {
	// Why it could not be started.
	Error    string `json:"error,omitempty"`
	Version  int    `json:"version"`
	Network  string `json:"network"`
	Ping     string `json:"ping"`
	Greeting string `json:"greeting"`
	// The status of a call during which the plugin panics.
	Panic  string            `json:"panic"`
	Stdout string            `json:"stdout"`
	Log    []json.RawMessage `json:"log"`
	// Its exit code, -1 when it had to be killed.
	Exit int `json:"exit"`
}

// greeter is the plugin as this side sees it: a connection.
type greeter struct {
	plugin.NetRPCUnsupportedPlugin
}

func (greeter) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return nil }

func (greeter) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, connection *grpc.ClientConn) (any, error) {
	return connection, nil
}

// output is written by go-plugin while it is read here.
type output struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (o *output) Write(data []byte) (int, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.buffer.Write(data)
}

func (o *output) String() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.buffer.String()
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: go-plugin-host VERSIONS PLUGIN [ARGUMENT...]")
	}
	versions := map[int]plugin.PluginSet{}
	for _, text := range strings.Split(os.Args[1], ",") {
		version, err := strconv.Atoi(text)
		if err != nil {
			log.Fatalf("reading the versions: %v", err)
		}
		versions[version] = plugin.PluginSet{"greeter": greeter{}}
	}
	command := exec.Command(os.Args[2], os.Args[3:]...)
	var stdout, logged output
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  plugin.HandshakeConfig{MagicCookieKey: "GREETER_PLUGIN", MagicCookieValue: "d3f40b3"},
		VersionedPlugins: versions,
		Cmd:              command,
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		SyncStdout:       &stdout,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: &logged, Level: hclog.Debug, JSONFormat: true}),
	})

	var saw seen
	if err := use(client, &stdout, &saw); err != nil {
		saw.Error = err.Error()
	}
	client.Kill()
	saw.Stdout = stdout.String()
	saw.Exit = command.ProcessState.ExitCode()
	for _, line := range strings.Split(strings.TrimSpace(logged.String()), "\n") {
		saw.Log = append(saw.Log, json.RawMessage(line))
	}
	if err := json.NewEncoder(os.Stdout).Encode(saw); err != nil {
		log.Fatal(err)
	}
}

func use(client *plugin.Client, stdout *output, saw *seen) error {
	protocol, err := client.Client()
	if err != nil {
		return err
	}
	saw.Version = client.NegotiatedVersion()
	saw.Network = client.ReattachConfig().Addr.Network()
	saw.Ping = status.Code(protocol.Ping()).String()
	dispensed, err := protocol.Dispense("greeter")
	if err != nil {
		return err
	}
	connection := dispensed.(*grpc.ClientConn)
	if saw.Greeting, err = greet(connection, "Ann"); err != nil {
		return err
	}
	_, err = greet(connection, "")
	saw.Panic = status.Code(err).String()
	// What it has printed comes by a stream of its own.
	for until := time.Now().Add(deadline); stdout.String() == "" && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

func greet(connection *grpc.ClientConn, name string) (string, error) {
	answer := new(wrapperspb.StringValue)
	err := connection.Invoke(context.Background(), "/greeter.Greeter/Greet", wrapperspb.String(name), answer)
	return answer.GetValue(), err
}

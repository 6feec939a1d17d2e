// Command parley is the server and its tools: one binary, one command a file.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/parley-server/parley/api"
)

// program is the command line: a field for each command.
type program struct {
	Serve        serveCommand        `cmd:"" help:"Run the server."`
	Demo         demoCommand         `cmd:"" help:"Run the server with something in it to try."`
	Key          keyCommand          `cmd:"" help:"Make and end API keys."`
	Send         sendCommand         `cmd:"" help:"Send a message."`
	Tail         tailCommand         `cmd:"" help:"Follow events."`
	Open         openCommand         `cmd:"" help:"Print a conversation with its messages, or list those that are open."`
	Inbound      inboundCommand      `cmd:"" help:"Play a customer: a message from outside on a sandbox channel."`
	Clock        clockCommand        `cmd:"" help:"Show and move the clock of a test organization."`
	Organization organizationCommand `cmd:"" help:"Make organizations, and empty test organizations."`
	Migrate      migrateCommand      `cmd:"" help:"Move the database: from SQLite to PostgreSQL, or back."`
	Audit        auditCommand        `cmd:"" help:"Check who did what, or take it elsewhere."`
	Bench        benchCommand        `cmd:"" help:"Measure how fast this machine runs the server."`
	Config       configCommand       `cmd:"" help:"Print the configuration in effect."`
	Version      versionCommand      `cmd:"" help:"Print the version and how it was built."`

	Profiled profiledCommand `cmd:"" hidden:"" help:"Run another command and write where it spends its time."`
}

// gcPercent lets the heap grow to three times what is in use before it is collected: the server's is small, and
// collecting it half as often is worth more than the memory.
const gcPercent = 200

// output is where a command writes: its result to out, all else to err.
type output struct{ out, err io.Writer }

// The exit codes of the program.
const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], output{out: os.Stdout, err: os.Stderr}))
}

// run does what the arguments say and returns the exit code. An error is one line on std's err.
func run(ctx context.Context, args []string, std output) int {
	var line program
	parser, err := kong.New(&line,
		kong.Name("parley"),
		kong.Description("One server for every conversation of an organization."),
		kong.Writers(std.out, std.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
	)
	if err != nil {
		return fail(std, exitFailed, err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		return fail(std, exitUsage, fmt.Errorf("%w (see parley --help)", err))
	}
	if err := command.Run(); err != nil && !errors.Is(err, context.Canceled) {
		return fail(std, exitFailed, err)
	}
	return 0
}

func fail(std output, code int, err error) int {
	fmt.Fprintf(std.err, "parley: %s\n", strings.ReplaceAll(explain(err), "\n", "; "))
	return code
}

// explain says what went wrong. What the server refused is in the detail of its problem, with all fields.
func explain(err error) string {
	refused, ok := errors.AsType[*api.Error](err)
	if !ok || refused.Detail == "" {
		return strings.TrimPrefix(err.Error(), "parley: ")
	}
	return fmt.Sprintf("%s (%d %s, request %s)", refused.Detail, refused.HTTPStatus, refused.Code, refused.RequestID)
}

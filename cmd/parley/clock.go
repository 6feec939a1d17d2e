package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/config"
)

// clockCommand shows and moves the clock of a test organization.
type clockCommand struct {
	Show    clockShowCommand    `cmd:"" default:"withargs" help:"Print what it shows."`
	Advance clockAdvanceCommand `cmd:"" help:"Move it forward; what is due on the way happens in its order, at its time."`
	Freeze  clockFreezeCommand  `cmd:"" help:"Make it stand until it is moved."`
	Run     clockRunCommand     `cmd:"" help:"Let it go on with the real time."`
}

// clockShowCommand prints it.
type clockShowCommand struct{ remote }

// Run prints the clock as JSON.
func (c *clockShowCommand) Run(ctx context.Context, std output) error {
	return c.clock(std, func(client *api.Client) (*api.Clock, error) { return client.GetClock(ctx) })
}

// clockAdvanceCommand moves it.
type clockAdvanceCommand struct {
	remote
	By string `arg:"" help:"How far, such as 90s, 20m, 8h or 7d, or to when, as 2031-05-17T09:30:00Z."`
}

// Run moves the clock, and prints it as JSON when it is there.
func (c *clockAdvanceCommand) Run(ctx context.Context, std output) error {
	move, err := moveOf(c.By)
	if err != nil {
		return err
	}
	return c.clock(std, func(client *api.Client) (*api.Clock, error) {
		clock, err := client.MoveClock(ctx, move)
		for err == nil && !clock.Target.IsZero() {
			fmt.Fprintf(std.err, "%s, on the way to %s, %d due or under way\n", moment(clock.Now), moment(clock.Target), clock.Waiting)
			clock, err = client.MoveClock(ctx, api.ClockMove{To: clock.Target})
		}
		return clock, err
	})
}

// moveOf reads how far a clock is to move, or to when.
func moveOf(text string) (api.ClockMove, error) {
	if strings.Contains(text, "T") {
		to, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return api.ClockMove{}, fmt.Errorf("%q is no time such as 2031-05-17T09:30:00Z", text)
		}
		return api.ClockMove{To: api.NewTime(to)}, nil
	}
	var by config.Duration
	if err := by.UnmarshalText([]byte(text)); err != nil || by < 0 || time.Duration(by)%time.Second != 0 {
		return api.ClockMove{}, fmt.Errorf("%q is no time of whole seconds such as 90s, 20m, 8h or 7d", text)
	}
	seconds := int64(time.Duration(by) / time.Second)
	return api.ClockMove{By: &seconds}, nil
}

// clockFreezeCommand makes it stand.
type clockFreezeCommand struct{ remote }

// Run stops the clock and prints it as JSON.
func (c *clockFreezeCommand) Run(ctx context.Context, std output) error {
	frozen := true
	return c.clock(std, func(client *api.Client) (*api.Clock, error) {
		return client.MoveClock(ctx, api.ClockMove{Frozen: &frozen})
	})
}

// clockRunCommand lets it go on.
type clockRunCommand struct{ remote }

// Run starts the clock and prints it as JSON.
func (c *clockRunCommand) Run(ctx context.Context, std output) error {
	frozen := false
	return c.clock(std, func(client *api.Client) (*api.Clock, error) {
		return client.MoveClock(ctx, api.ClockMove{Frozen: &frozen})
	})
}

// clock prints what a call answers.
func (r *remote) clock(std output, call func(*api.Client) (*api.Clock, error)) error {
	client, err := r.client()
	if err != nil {
		return err
	}
	defer client.Close()
	clock, err := call(client)
	if err != nil {
		return err
	}
	return printJSON(std, clock)
}

package playground

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/playground"
)

const (
	maxHooks    = 50
	maxHookName = 200
	maxTimes    = 1000
	maxDelay    = 30 * time.Second
	// keepCaught and caughtFor are how many requests of a hook are kept, and for how long.
	keepCaught = 500
	caughtFor  = 7 * 24 * time.Hour
)

// HookParams is a hook to make.
type HookParams struct {
	Name   string
	Status int // 0: 200
	Times  int
	Delay  time.Duration
}

// HookPatch changes a hook. What is nil stays as it is. Another status or number of times begins to count anew.
type HookPatch struct {
	Name   *string
	Status *int
	Times  *int
	Delay  *time.Duration
}

func checkHook(h *parley.Hook) error {
	var c parley.Check
	c.Text("name", h.Name, false, maxHookName)
	if h.Status < 200 || h.Status > 599 {
		c.Refuse("status", "out-of-range", "must be 200 to 599")
	}
	if h.Times < 0 || h.Times > maxTimes {
		c.Refuse("times", "out-of-range", "must be 0 to %d", maxTimes)
	}
	if h.Delay < 0 || h.Delay > maxDelay {
		c.Refuse("delay", "out-of-range", "must be 0 to %d seconds", maxDelay/time.Second)
	}
	return c.Err()
}

// CreateHook makes an address that catches what is posted to it, and says whether the request was a repeat.
func (g *Playground) CreateHook(ctx context.Context, p *access.Principal, params HookParams, i *access.Idempotency) (parley.Hook, bool, error) {
	if err := p.Require(parley.ScopeSandboxWrite); err != nil {
		return parley.Hook{}, false, err
	}
	if params.Status == 0 {
		params.Status = 200
	}
	made := parley.Hook{ID: parley.NewID(g.store.Now(ctx, p.Organization)), Secret: strings.ToLower(rand.Text()), Name: params.Name, Status: params.Status,
		Times: params.Times, Delay: params.Delay}
	if err := checkHook(&made); err != nil {
		return parley.Hook{}, false, err
	}
	hook := made
	replay, err := p.Once(ctx, g.store, i, 201, made.ID, func(tx *store.Tx) error {
		if _, err := clockOf(tx.Queries, p); err != nil {
			return err
		}
		hooks, err := playground.Hooks(tx.Queries, p.Organization)
		if err != nil {
			return err
		}
		if len(hooks) >= maxHooks {
			return parley.Conflict("hooks-full", "an organization has at most %d hooks", maxHooks)
		}
		hook = made
		hooked(tx, p, hook.ID, "created")
		return playground.InsertHook(tx, p.Organization, &hook)
	})
	if err == nil && replay != nil {
		hook, err = playground.Hook(g.store.Read(ctx), p.Organization, replay.Resource)
	}
	return hook, replay != nil, err
}

// hooked tells the log what became of a hook.
func hooked(tx *store.Tx, p *access.Principal, id parley.ID, what string) {
	tx.Emit(p.Organization, parley.Event{Type: parley.EventHook, Subject: id, Data: parley.EventData{Status: what, Actor: p.User}})
}

// Hooks returns the hooks of the principal's test organization.
func (g *Playground) Hooks(ctx context.Context, p *access.Principal) ([]parley.Hook, error) {
	if err := p.Require(parley.ScopeSandboxRead); err != nil {
		return nil, err
	}
	return playground.Hooks(g.store.Read(ctx), p.Organization)
}

// Hook returns a hook.
func (g *Playground) Hook(ctx context.Context, p *access.Principal, id parley.ID) (parley.Hook, error) {
	if err := p.Require(parley.ScopeSandboxRead); err != nil {
		return parley.Hook{}, err
	}
	return playground.Hook(g.store.Read(ctx), p.Organization, id)
}

// UpdateHook changes a hook. An ifMatch that is not 0 must be its revision.
func (g *Playground) UpdateHook(ctx context.Context, p *access.Principal, id parley.ID, patch HookPatch, ifMatch int64) (parley.Hook, error) {
	return g.changeHook(ctx, p, id, ifMatch, "updated", func(tx *store.Tx, h *parley.Hook) error {
		if patch.Name != nil {
			h.Name = *patch.Name
		}
		if patch.Delay != nil {
			h.Delay = *patch.Delay
		}
		if patch.Status != nil {
			h.Status = *patch.Status
		}
		if patch.Times != nil {
			h.Times = *patch.Times
		}
		if patch.Status != nil || patch.Times != nil {
			h.Remaining = h.Times
		}
		if err := checkHook(h); err != nil {
			return err
		}
		return playground.UpdateHook(tx, p.Organization, h)
	})
}

// DeleteHook deletes a hook with what it caught.
func (g *Playground) DeleteHook(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	_, err := g.changeHook(ctx, p, id, ifMatch, "deleted", func(tx *store.Tx, h *parley.Hook) error {
		return playground.DeleteHook(tx, p.Organization, id)
	})
	return err
}

// ClearHook deletes what a hook caught.
func (g *Playground) ClearHook(ctx context.Context, p *access.Principal, id parley.ID) error {
	_, err := g.changeHook(ctx, p, id, 0, "updated", func(tx *store.Tx, h *parley.Hook) error {
		return playground.ClearHook(tx, p.Organization, id)
	})
	return err
}

func (g *Playground) changeHook(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, what string, change func(tx *store.Tx, h *parley.Hook) error) (hook parley.Hook, err error) {
	if err := p.Require(parley.ScopeSandboxWrite); err != nil {
		return hook, err
	}
	err = g.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		h, err := playground.Hook(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, h.Rev); err != nil {
			return err
		}
		hooked(tx, p, id, what)
		err = change(tx, &h)
		hook = h
		return err
	})
	return hook, err
}

// Caught returns up to limit requests that a hook caught, newest first, from before a number on; 0: from the newest. Next is
// where to go on, 0 at the end.
func (g *Playground) Caught(ctx context.Context, p *access.Principal, id parley.ID, before int64, limit int) (caught []parley.Caught, next int64, err error) {
	if _, err := g.Hook(ctx, p, id); err != nil {
		return nil, 0, err
	}
	if before == 0 {
		before = math.MaxInt64
	}
	caught, err = playground.CaughtBy(g.store.Read(ctx), p.Organization, id, before, limit+1)
	if len(caught) > limit {
		caught, next = caught[:limit], caught[limit-1].Number
	}
	return caught, next, err
}

// HookToken is the last part of a hook's address: it names the organization, so that every node finds it.
func HookToken(organization parley.ID, h *parley.Hook) string {
	return string(organization) + string(h.ID) + h.Secret
}

// Catch keeps a request that was made to a hook's address, and returns what it is to be answered, and after how long.
func (g *Playground) Catch(ctx context.Context, token string, c parley.Caught) (status int, delay time.Duration, err error) {
	const ids = 2 * parley.IDLength
	if len(token) <= ids || !parley.ID(token[:parley.IDLength]).OfTest() {
		return 0, 0, parley.NotFound("hook", "")
	}
	organization, id := parley.ID(token[:parley.IDLength]), parley.ID(token[parley.IDLength:ids])
	err = g.store.Write(ctx, organization, func(tx *store.Tx) error {
		h, err := playground.Hook(tx.Queries, organization, id)
		if err != nil {
			return err
		}
		if subtle.ConstantTimeCompare([]byte(token[ids:]), []byte(h.Secret)) != 1 {
			return parley.NotFound("hook", id)
		}
		status, delay = h.Status, h.Delay
		remaining := max(h.Remaining-1, 0)
		if h.Times > 0 && h.Remaining == 0 {
			status = 200
		}
		own := c
		own.Hook, own.Status = id, status
		tx.Emit(organization, parley.Event{Type: parley.EventHook, Subject: id, Data: parley.EventData{Status: "caught"}})
		return playground.Catch(tx, organization, &own, remaining, keepCaught, tx.Now.Add(-caughtFor))
	})
	if parley.IsKind(err, parley.KindNotFound) {
		err = parley.NotFound("hook", "") // whichever part of the address is wrong
	}
	return status, delay, err
}

// Sweep deletes what the hooks of a test organization have kept for long enough.
func (g *Playground) Sweep(ctx context.Context, organization parley.ID) error {
	if !organization.OfTest() {
		return nil
	}
	for n := int64(rowsAtOnce); n == rowsAtOnce; {
		err := g.store.WriteBackground(ctx, []parley.ID{organization}, func(tx *store.Tx) (err error) {
			n, err = playground.DropCaught(tx, organization, tx.Now.Add(-caughtFor), rowsAtOnce)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Redacted are headers of a request without the credentials in them.
func Redacted(headers map[string][]string) map[string][]string {
	kept := make(map[string][]string, len(headers))
	for name, values := range headers {
		kept[name] = values
		lower := strings.ToLower(name)
		if slices.Contains([]string{"authorization", "proxy-authorization", "cookie", "set-cookie"}, lower) || strings.Contains(lower, "secret") ||
			strings.HasSuffix(lower, "token") || strings.HasSuffix(lower, "api-key") || strings.HasSuffix(lower, "password") {
			kept[name] = []string{"[redacted]"}
		}
	}
	return kept
}

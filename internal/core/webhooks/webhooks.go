// Package webhooks has the rules of webhooks: who registers endpoints, what is posted to them, in which order, and when again. An
// endpoint is a place in the log of its organization, with the sight of the key that registered it.
package webhooks

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/webhook"
)

const (
	maxEndpoints = 50
	maxName      = 200
	maxURL       = 2000
)

// Options are what webhooks stand on.
type Options struct {
	Store         *store.Store
	Log           *eventlog.Log
	Authenticator *access.Authenticator
	Guard         *connector.Guard
	Kick          func() // wakes the queue; it must not block
}

// Webhooks are the endpoints of all organizations.
type Webhooks struct {
	Options
	formats map[string]Format
}

// New returns the webhooks of a store. They know no formats yet.
func New(o Options) *Webhooks {
	if o.Kick == nil {
		o.Kick = func() {}
	}
	return &Webhooks{Options: o, formats: map[string]Format{}}
}

// Use adds the formats that endpoints may have, before anything is posted.
func (w *Webhooks) Use(formats ...Format) {
	for _, f := range formats {
		w.formats[f.Name] = f
	}
}

// Params is an endpoint to register.
type Params struct {
	Format string
	Name   string
	URL    string
}

func (params *Params) validate(w *Webhooks) error {
	var c parley.Check
	if _, known := w.formats[params.Format]; !known {
		c.Refuse("format", "value-unknown", "must be a format of webhooks")
	}
	c.Text("name", params.Name, true, maxName)
	if params.URL == "" {
		c.Refuse("url", "required", "must be there")
	} else if message := w.wrongURL(params.URL); message != "" {
		c.Refuse("url", "url-invalid", "%s", message)
	}
	return c.Err()
}

// wrongURL says what is wrong with the address of an endpoint. Only what the operator lets be reached inside may be http. Names are
// judged when they are dialled, each time.
func (w *Webhooks) wrongURL(raw string) string {
	if len(raw) > maxURL {
		return fmt.Sprintf("must be at most %d characters", maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.Fragment != "" || strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "must be an absolute https URL"
	}
	host := u.Hostname()
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err == nil && w.Guard.Check(addr) != nil {
		return "must have a public address; loopback, private and other special addresses need the operator's permission"
	}
	if inside := err == nil && (addr.IsLoopback() || addr.IsPrivate()); u.Scheme == "http" && !inside {
		return "must be an https URL"
	}
	return ""
}

// Create registers an endpoint, to which is posted what comes after, and says whether the request was a repeat: then there is no
// secret in the answer.
func (w *Webhooks) Create(ctx context.Context, p *access.Principal, params Params, i *access.Idempotency) (parley.Webhook, bool, error) {
	if err := w.mayPost(p, params.Format); err != nil {
		return parley.Webhook{}, false, err
	}
	if err := params.validate(w); err != nil {
		return parley.Webhook{}, false, err
	}
	now := w.Store.Now(ctx, p.Organization)
	made := parley.Webhook{ID: parley.NewID(now), Format: params.Format, Name: params.Name, URL: params.URL, Key: p.Key,
		Secrets: []parley.WebhookSecret{{ID: parley.NewID(now), Value: rand.Text() + rand.Text()}}}
	endpoint := made
	replay, err := p.Once(ctx, w.Store, i, 201, made.ID, func(tx *store.Tx) error {
		all, err := webhook.List(tx.Queries, p.Organization)
		if err != nil {
			return err
		}
		if len(all) >= maxEndpoints {
			return parley.Conflict("webhooks-full", "an organization has at most %d webhook endpoints", maxEndpoints)
		}
		kept, err := tx.LogRange(p.Organization)
		if err != nil {
			return err
		}
		endpoint = made
		if err := webhook.Insert(tx, p.Organization, &endpoint, kept.Latest); err != nil {
			return err
		}
		emit(tx, p, parley.EventWebhookCreated, endpoint.ID, "")
		var changes parley.Changes
		changes.Made("format", endpoint.Format)
		changes.Made("key", string(endpoint.Key))
		changes.Name("name", true)
		changes.Name("url", true) // which may hold a secret
		return p.Did(tx, parley.ActWebhookCreated, endpoint.ID, changes)
	})
	if err == nil && replay != nil {
		endpoint, err = webhook.Get(w.Store.Read(ctx), p.Organization, replay.Resource)
		conceal(&endpoint)
	}
	return endpoint, replay != nil, err
}

// mayPost refuses keys that cannot have events posted in a format: those of people, and those that may not read what it shows.
func (w *Webhooks) mayPost(p *access.Principal, format string) error {
	if err := p.Require(parley.ScopeWebhooksWrite); err != nil {
		return err
	}
	if p.Personal || p.Key == "" {
		return &parley.Error{Kind: parley.KindForbidden, Code: "organization-key-required", Message: "this needs a key of the organization"}
	}
	f := w.formats[format]
	return f.require(p)
}

func emit(tx *store.Tx, p *access.Principal, kind parley.EventType, id parley.ID, reason parley.PauseReason) {
	tx.Emit(p.Organization, parley.Event{Type: kind, Subject: id, Data: parley.EventData{Actor: p.User, Reason: string(reason)}})
}

// conceal takes the secrets out of an endpoint: they are shown once.
func conceal(w *parley.Webhook) {
	for i := range w.Secrets {
		w.Secrets[i].Value = ""
	}
}

// List returns the organization's endpoints of a format, oldest first.
func (w *Webhooks) List(ctx context.Context, p *access.Principal, format string) ([]parley.Webhook, error) {
	if err := p.Require(parley.ScopeWebhooksRead); err != nil {
		return nil, err
	}
	all, err := webhook.List(w.Store.Read(ctx), p.Organization)
	list := make([]parley.Webhook, 0, len(all))
	for i := range all {
		if all[i].Format == format {
			conceal(&all[i])
			list = append(list, all[i])
		}
	}
	return list, err
}

// Get returns an endpoint of a format.
func (w *Webhooks) Get(ctx context.Context, p *access.Principal, format string, id parley.ID) (parley.Webhook, error) {
	if err := p.Require(parley.ScopeWebhooksRead); err != nil {
		return parley.Webhook{}, err
	}
	endpoint, err := get(w.Store.Read(ctx), p, format, id)
	conceal(&endpoint)
	return endpoint, err
}

func get(q store.Queries, p *access.Principal, format string, id parley.ID) (parley.Webhook, error) {
	endpoint, err := webhook.Get(q, p.Organization, id)
	if err == nil && endpoint.Format != format {
		err = parley.NotFound("webhook endpoint", id)
	}
	return endpoint, err
}

// Delete deletes an endpoint with what is kept of it.
func (w *Webhooks) Delete(ctx context.Context, p *access.Principal, format string, id parley.ID) error {
	if err := p.Require(parley.ScopeWebhooksWrite); err != nil {
		return err
	}
	return w.Store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		endpoint, err := get(tx.Queries, p, format, id)
		if err != nil {
			return err
		}
		if err := webhook.Delete(tx, p.Organization, id); err != nil {
			return err
		}
		emit(tx, p, parley.EventWebhookDeleted, id, "")
		var changes parley.Changes
		changes.Gone("format", endpoint.Format)
		return p.Did(tx, parley.ActWebhookDeleted, id, changes)
	})
}

// Pause has nothing posted to an endpoint from now on, or has it go on where it stopped, as far as the log goes. Where its key does
// not work any more, whoever has it go on gives it their own.
func (w *Webhooks) Pause(ctx context.Context, p *access.Principal, format string, id parley.ID, paused bool, i *access.Idempotency) (parley.Webhook, error) {
	if err := w.mayPost(p, format); err != nil {
		return parley.Webhook{}, err
	}
	before, err := get(w.Store.Read(ctx), p, format, id)
	if err != nil {
		return before, err
	}
	works, err := w.works(ctx, p.Organization, &before)
	if err != nil {
		return before, err
	}
	var endpoint parley.Webhook
	_, err = p.Once(ctx, w.Store, i, 200, id, func(tx *store.Tx) error {
		if endpoint, err = get(tx.Queries, p, format, id); err != nil || endpoint.Paused == paused {
			return err
		}
		var changes parley.Changes
		changes.Set("paused", endpoint.Paused, paused)
		if endpoint.Paused, endpoint.Reason = paused, parley.PausedByHand; !paused {
			endpoint.Reason = ""
			if !works {
				changes.Set("key", string(endpoint.Key), string(p.Key))
				endpoint.Key = p.Key
			}
			if err := w.goOn(tx, p.Organization, id); err != nil {
				return err
			}
		}
		if err := webhook.Update(tx, p.Organization, &endpoint); err != nil {
			return err
		}
		emit(tx, p, parley.EventWebhookUpdated, id, endpoint.Reason)
		return p.Did(tx, parley.ActWebhookUpdated, id, changes)
	})
	conceal(&endpoint)
	return endpoint, err
}

// works reports whether the key of an endpoint works, and may read what is posted.
func (w *Webhooks) works(ctx context.Context, organization parley.ID, endpoint *parley.Webhook) (bool, error) {
	holder, err := w.Authenticator.Of(ctx, organization, endpoint.Key)
	if parley.IsKind(err, parley.KindUnauthorized) {
		return false, nil
	}
	f := w.formats[endpoint.Format]
	return err == nil && f.require(holder) == nil, err
}

// goOn has posts that wait tried at their times again.
func (w *Webhooks) goOn(tx *store.Tx, organization, id parley.ID) error {
	next, err := webhook.Next(tx.Queries, organization, id)
	if err != nil || next.IsZero() {
		return err
	}
	tx.After(w.Kick)
	return tx.ScheduleSooner(webhook.RetryJob(organization, id, next))
}

// kept is how long it is known what was posted.
const kept = 30 * 24 * time.Hour

// Sweep deletes what an organization has kept of posts for long enough.
func (w *Webhooks) Sweep(ctx context.Context, organization parley.ID) error {
	const atOnce = 500
	all, err := webhook.List(w.Store.Read(ctx), organization)
	for i := range all {
		for n := int64(atOnce); n == atOnce && err == nil; {
			err = w.Store.WriteBackground(ctx, []parley.ID{organization}, func(tx *store.Tx) (err error) {
				n, err = webhook.Drop(tx, organization, all[i].ID, tx.Now.Add(-kept), atOnce)
				return err
			})
		}
	}
	return err
}

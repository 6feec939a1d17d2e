package hours

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/hours"
	"github.com/parley-server/parley/internal/store/template"
)

// Limits of rules for automatic answers.
const (
	maxRules    = 200
	maxOfRule   = 100
	maxText     = 4000 // characters
	maxThrottle = 366 * 24 * time.Hour
	maxLimit    = 1000
	maxLocale   = 35
	maxPlatform = 50
	maxPosition = 10_000
)

// checkReply checks what can be seen of a rule by itself.
func checkReply(r *parley.AutoReply) error {
	var c check
	c.Text("name", r.Name, true, maxName)
	c.Text("text", r.Text, false, maxText)
	c.Text("template.locale", r.Locale, false, maxLocale)
	switch r.When {
	case parley.AutoClosed, parley.AutoOpen:
	case parley.AutoAlways, parley.AutoFirst:
		if r.Schedule != "" {
			c.Refuse("schedule", "not-allowed", "goes with closed and open only")
		}
	default:
		c.Refuse("when", "value-unknown", "must be closed, open, always or first")
	}
	switch {
	case r.Text == "" && r.Template == "":
		c.Refuse("text", "required", "must not be empty unless there is a template")
	case r.Text != "" && r.Template != "":
		c.Refuse("template", "not-allowed", "does not go with text")
	}
	if !r.Class.Valid() {
		c.Refuse("class", "value-unknown", "must be one of %v", parley.MessageClasses)
	}
	if r.Throttle < 0 || r.Throttle > maxThrottle {
		c.Refuse("throttle", "out-of-range", "must be 0 to %d seconds", int64(maxThrottle/time.Second))
	}
	if r.Limit < 0 || r.Limit > maxLimit {
		c.Refuse("limit", "out-of-range", "must be 0 to %d", maxLimit)
	}
	if r.Position < 0 || r.Position > maxPosition {
		c.Refuse("position", "out-of-range", "must be 0 to %d", maxPosition)
	}
	c.atMost("channels", len(r.Channels), maxOfRule)
	c.atMost("teams", len(r.Teams), maxOfRule)
	if c.atMost("platforms", len(r.Platforms), maxOfRule) {
		for i, p := range r.Platforms {
			c.Text(fmt.Sprintf("platforms[%d]", i), p, true, maxPlatform)
		}
	}
	return c.Err()
}

// unknown makes a missing thing that the request names an invalid field.
func unknown(err error, field, code, thing string) error {
	if parley.IsKind(err, parley.KindNotFound) {
		return parley.Invalid(field, code, "must be the id of a %s", thing)
	}
	return err
}

// named checks that what a rule names is there.
func named(q store.Queries, organization parley.ID, r *parley.AutoReply) error {
	if r.Schedule != "" {
		if _, err := hours.Schedule(q, organization, r.Schedule); err != nil {
			return unknown(err, "schedule", "schedule-unknown", "schedule")
		}
	}
	for i, id := range r.Channels {
		if _, err := q.Channel(organization, id); err != nil {
			return unknown(err, fmt.Sprintf("channels[%d]", i), "channel-unknown", "channel")
		}
	}
	for i, id := range r.Teams {
		if _, err := q.Team(organization, id); err != nil {
			return unknown(err, fmt.Sprintf("teams[%d]", i), "team-unknown", "team")
		}
	}
	if r.Template == "" {
		return nil
	}
	t, err := template.Get(q, organization, r.Template)
	if err == nil && t.Published == 0 {
		return parley.Invalid("template.id", "template-unpublished", "no version of the template is published")
	}
	return unknown(err, "template.id", "template-unknown", "template")
}

// CreateReply makes a rule, and says whether the request was a repeat.
func (h *Hours) CreateReply(ctx context.Context, p *access.Principal, made parley.AutoReply, i *access.Idempotency) (parley.AutoReply, bool, error) {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return made, false, err
	}
	if err := checkReply(&made); err != nil {
		return made, false, err
	}
	made.ID = parley.NewID(h.store.Now(ctx, p.Organization))
	var result parley.AutoReply
	replay, err := p.Once(ctx, h.store, i, 201, made.ID, func(tx *store.Tx) error {
		result = made
		if err := named(tx.Queries, p.Organization, &result); err != nil {
			return err
		}
		all, _, err := hours.Replies(tx.Queries, p.Organization, "", maxRules)
		if err != nil {
			return err
		}
		if len(all) >= maxRules {
			return parley.Conflict("auto-replies-full", "there are at most %d rules", maxRules)
		}
		if err := hours.InsertReply(tx, p.Organization, &result); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Made("name", made.Name)
		changes.Made("when", string(made.When))
		return did(tx, p, parley.EventAutoReplyCreated, parley.ActAutoReplyCreated, made.ID, changes)
	})
	if err == nil && replay != nil {
		result, err = hours.Reply(h.store.Read(ctx), p.Organization, replay.Resource)
	}
	return result, replay != nil, err
}

// Reply returns a rule.
func (h *Hours) Reply(ctx context.Context, p *access.Principal, id parley.ID) (parley.AutoReply, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return parley.AutoReply{}, err
	}
	return hours.Reply(h.store.Read(ctx), p.Organization, id)
}

// Replies returns up to limit rules with ids after one; next is where to go on, empty at the end.
func (h *Hours) Replies(ctx context.Context, p *access.Principal, after parley.ID, limit int) ([]parley.AutoReply, parley.ID, error) {
	if err := p.Require(parley.ScopeOrganizationRead); err != nil {
		return nil, "", err
	}
	return hours.Replies(h.store.Read(ctx), p.Organization, after, limit)
}

// ReplyPatch changes a rule. What is nil stays as it is.
type ReplyPatch struct {
	Name      *string
	Enabled   *bool
	Position  *int
	When      *parley.AutoWhen
	Schedule  *parley.ID
	Channels  *[]parley.ID
	Teams     *[]parley.ID
	Platforms *[]string
	Text      *string    // in place of a template
	Template  *parley.ID // in place of a text
	Locale    *string
	Class     *parley.MessageClass
	Throttle  *time.Duration
	Each      *parley.ActorKind
	Limit     *int
}

func (patch *ReplyPatch) apply(r *parley.AutoReply) {
	parley.Set(&r.Name, patch.Name)
	parley.Set(&r.Enabled, patch.Enabled)
	parley.Set(&r.Position, patch.Position)
	parley.Set(&r.When, patch.When)
	parley.Set(&r.Schedule, patch.Schedule)
	parley.Set(&r.Channels, patch.Channels)
	parley.Set(&r.Teams, patch.Teams)
	parley.Set(&r.Platforms, patch.Platforms)
	parley.Set(&r.Class, patch.Class)
	parley.Set(&r.Throttle, patch.Throttle)
	parley.Set(&r.Each, patch.Each)
	parley.Set(&r.Limit, patch.Limit)
	if patch.Text != nil && patch.Template == nil {
		r.Template, r.Locale = "", ""
	}
	if patch.Template != nil && patch.Text == nil {
		r.Text = ""
	}
	parley.Set(&r.Text, patch.Text)
	parley.Set(&r.Template, patch.Template)
	parley.Set(&r.Locale, patch.Locale)
}

// UpdateReply changes a rule. An ifMatch that is not 0 must be its revision.
func (h *Hours) UpdateReply(ctx context.Context, p *access.Principal, id parley.ID, patch ReplyPatch, ifMatch int64) (result parley.AutoReply, err error) {
	err = h.changeReply(ctx, p, id, ifMatch, func(tx *store.Tx, r *parley.AutoReply) error {
		before := *r
		patch.apply(r)
		if err := checkReply(r); err != nil {
			return err
		}
		if err := named(tx.Queries, p.Organization, r); err != nil {
			return err
		}
		if err := hours.UpdateReply(tx, p.Organization, r); err != nil {
			return err
		}
		result = *r
		var changes parley.Changes
		changes.Set("name", before.Name, r.Name)
		changes.Set("enabled", before.Enabled, r.Enabled)
		changes.Set("when", before.When, r.When)
		changes.Set("schedule", string(before.Schedule), string(r.Schedule))
		changes.Set("channels", before.Channels, r.Channels)
		changes.Set("teams", before.Teams, r.Teams)
		changes.Name("platforms", !slices.Equal(before.Platforms, r.Platforms))
		changes.Name("text", before.Text != r.Text)
		changes.Set("template", string(before.Template), string(r.Template))
		changes.Set("class", string(before.Class), string(r.Class))
		changes.Set("throttle", before.Throttle, r.Throttle)
		changes.Set("limit", before.Limit, r.Limit)
		return did(tx, p, parley.EventAutoReplyUpdated, parley.ActAutoReplyUpdated, id, changes)
	})
	return result, err
}

// DeleteReply deletes a rule.
func (h *Hours) DeleteReply(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64) error {
	return h.changeReply(ctx, p, id, ifMatch, func(tx *store.Tx, r *parley.AutoReply) error {
		if err := hours.DeleteReply(tx, p.Organization, id); err != nil {
			return err
		}
		var changes parley.Changes
		changes.Gone("name", r.Name)
		return did(tx, p, parley.EventAutoReplyDeleted, parley.ActAutoReplyDeleted, id, changes)
	})
}

// changeReply is what every change of a rule has in common.
func (h *Hours) changeReply(ctx context.Context, p *access.Principal, id parley.ID, ifMatch int64, unit func(tx *store.Tx, r *parley.AutoReply) error) error {
	if err := p.Require(parley.ScopeOrganizationWrite); err != nil {
		return err
	}
	return h.store.Write(ctx, p.Organization, func(tx *store.Tx) error {
		r, err := hours.Reply(tx.Queries, p.Organization, id)
		if err != nil {
			return err
		}
		if err := parley.MatchRev(ifMatch, r.Rev); err != nil {
			return err
		}
		return unit(tx, &r)
	})
}

// unused refuses to delete a schedule that a rule or a policy names.
func unused(q store.Queries, organization, id parley.ID) error {
	rules, _, err := hours.Replies(q, organization, "", maxRules)
	for i := range rules {
		if rules[i].Schedule == id {
			return parley.Conflict("schedule-used", "the auto-reply %s goes by it", rules[i].ID)
		}
	}
	if err != nil {
		return err
	}
	policies, _, err := hours.Policies(q, organization, "", maxRules)
	for i := range policies {
		if policies[i].Schedule == id {
			return parley.Conflict("schedule-used", "the SLA policy %s goes by it", policies[i].ID)
		}
	}
	return err
}

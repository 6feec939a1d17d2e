package core

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/access"
	"github.com/parley-server/parley/internal/core/consent"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/core/limits"
	"github.com/parley-server/parley/internal/core/sla"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/people"
)

// errBlocked ends a unit that parked a message from a blocked sender.
var errBlocked = parley.Conflict("sender-blocked", "its sender is blocked: it is parked, and no conversation has it")

// keepApart parks a message from a blocked sender, once, and says whether it did.
func keepApart(tx *store.Tx, a *arrival) (bool, error) {
	if a.released {
		return false, nil
	}
	block, err := people.BlockOf(tx.Queries, a.organization, a.From)
	if err != nil || block == "" {
		return false, err
	}
	reference := ""
	if a.ProviderID != "" {
		reference = connector.ShortID("inbound:" + a.ProviderID)
		if twin, err := people.ParkedTwin(tx.Queries, a.organization, a.channel, reference); err != nil || twin {
			return true, err
		}
	}
	raw, err := json.Marshal(a.Inbound)
	if err != nil {
		return false, err
	}
	return true, tx.Park(a.organization, &store.Parked{ID: parley.NewID(tx.Now), Channel: a.channel, Kind: people.KindBlocked, Reference: reference,
		Message: block, Raw: string(raw), Reason: "its sender is blocked"})
}

// releasedAtOnce is how many parked messages one transaction takes in.
const releasedAtOnce = 20

// Unblock lets somebody write again. What they wrote meanwhile, as far as it is kept, is taken in with release, as if it came
// now; else it stays parked until its time is over. It says how many were taken in.
func (c *Core) Unblock(ctx context.Context, p *Principal, id parley.ID, release bool) (released int, err error) {
	if err := p.Require(parley.ScopeContactsWrite); err != nil {
		return 0, err
	}
	policy, _, err := c.policy(ctx, p.Organization)
	if err != nil {
		return 0, err
	}
	for over := false; !over; {
		n := 0
		err := c.store.Write(ctx, p.Organization, func(tx *store.Tx) (err error) {
			if _, err := people.Blocked(tx.Queries, p.Organization, id); err != nil {
				return err
			}
			n, over = 0, true
			if release {
				if n, err = c.release(tx, p.Organization, id, policy); err != nil {
					return err
				}
				over = n < releasedAtOnce
			}
			if !over {
				return nil
			}
			tx.Emit(p.Organization, parley.Event{Type: parley.EventSenderUnblocked, Subject: id, Data: parley.EventData{Actor: p.User}})
			var changes parley.Changes
			changes.Made("release", release)
			if err := p.Did(tx, parley.ActSenderUnblocked, id, changes); err != nil {
				return err
			}
			return people.Unblock(tx, p.Organization, id)
		})
		if err != nil {
			return released, err
		}
		released += n
	}
	if released > 0 {
		c.kick()
	}
	return released, nil
}

// release takes some of the parked messages of a block in, and says how many there were.
func (c *Core) release(tx *store.Tx, organization, block parley.ID, policy parley.Policy) (int, error) {
	parked, err := people.ParkedOf(tx, organization, block, releasedAtOnce)
	if err != nil {
		return 0, err
	}
	for i := range parked {
		row := &parked[i]
		a := &arrival{organization: organization, channel: row.Channel, actor: access.System(organization), policy: policy, released: true}
		if err := json.Unmarshal([]byte(row.Raw), &a.Inbound); err != nil {
			return 0, err
		}
		if a.Attachments, err = kept(tx.Queries, organization, a.Attachments); err != nil {
			return 0, err
		}
		_, _, err := c.arrive(tx, a)
		if parley.IsKind(err, parley.KindNotFound) { // its channel is gone: it stays for the operator
			err = tx.Park(organization, &store.Parked{ID: parley.NewID(tx.Now), Channel: row.Channel, Kind: store.KindInbound, Raw: row.Raw,
				Reason: "its sender was blocked, and its channel is gone"})
		}
		if err != nil {
			return 0, err
		}
	}
	return len(parked), nil
}

// kept are those of the files that are still there.
func kept(q store.Queries, organization parley.ID, files []parley.Attachment) ([]parley.Attachment, error) {
	if len(files) == 0 {
		return nil, nil
	}
	ids := make([]parley.ID, len(files))
	for i, f := range files {
		ids[i] = f.Media
	}
	there, err := q.MediaByID(organization, ids)
	var list []parley.Attachment
	for _, f := range files {
		if there[f.Media] != nil {
			list = append(list, f)
		}
	}
	return list, err
}

// keyword returns the rule that a message from outside is a keyword of; nil: none.
func (a *arrival) keyword(ch *parley.Channel) *parley.Keyword {
	if len(a.policy.Keywords) == 0 || len(a.Attachments) > 0 {
		return nil
	}
	var texts []string
	for _, part := range a.Body {
		if part.Kind != parley.PartText {
			return nil
		}
		texts = append(texts, part.Text)
	}
	text := strings.Join(texts, " ")
	for i := range a.policy.Keywords {
		if k := &a.policy.Keywords[i]; (k.Platform == "" || k.Platform == ch.Platform) && k.Matches(text) {
			return k
		}
	}
	return nil
}

// respond does what the organization has set to be done about a message: it obeys one that is a keyword, and what answers by
// itself answers others, unless no person wrote it, or nobody is waiting for an answer.
func (c *Core) respond(tx *store.Tx, a *arrival, ch *parley.Channel, conversation *parley.Conversation, write *store.Append, who recipient) error {
	m := &write.Message
	if k := a.keyword(ch); k != nil {
		return obey(tx, a, ch, k, m, who)
	}
	if a.desk != nil && !a.Automatic {
		if err := sla.Heard(tx, a.organization, a.desk.promises, conversation, ch); err != nil {
			return err
		}
	}
	old := !m.SentAt.IsZero() && m.SentAt.Before(tx.Now.Add(-late))
	if a.desk == nil || a.released || a.Automatic || old || m.Click != nil || a.policy.Acknowledges(m.Body) && len(m.Attachments) == 0 {
		return nil
	}
	in := hours.Incoming{Organization: a.organization, Conversation: conversation, Channel: ch, From: a.From, First: write.Sequence == 1,
		Render: func(q store.Queries, id parley.ID, locale string) ([]parley.Part, *parley.Templated, error) {
			made, err := template.Render(q, a.organization, template.Use{ID: id, Locale: locale})
			return made.Body, &made.Of, err
		}}
	if who.actor.Kind == parley.ActorContact {
		in.Contact = who.actor.ID
	}
	answer, err := a.desk.Answer(tx, &in)
	if err != nil || answer == nil {
		return err
	}
	_, platform, err := c.definition(ch)
	if err != nil {
		return err
	}
	_, asText, err := platform.Fit(answer.Body)
	if err != nil {
		c.log.Warn("an auto-reply cannot be sent on a channel", "organization", a.organization, "channel", ch.ID, "error", err)
		return nil
	}
	return answerBack(tx, a, ch, m, who, parley.Message{Body: answer.Body, Template: answer.Of, AsText: asText, Class: answer.Class, Auto: parley.AutoReplied})
}

// obey does what a keyword says, and answers it if that changed something: who says it twice is answered once. The answer goes
// out whatever the address does not want.
func obey(tx *store.Tx, a *arrival, ch *parley.Channel, k *parley.Keyword, m *parley.Message, who recipient) error {
	changed := true
	switch k.Action {
	case parley.KeywordStop:
		class := k.Class
		if class == "" {
			class = parley.ClassAll
		}
		n, err := consent.Add(tx, a.actor, parley.Suppression{ID: parley.NewID(tx.Now), Address: a.From, Platform: ch.Platform, Class: class,
			Reason: parley.ReasonKeyword, Message: m.ID})
		if err != nil {
			return err
		}
		changed = n > 0
	case parley.KeywordStart:
		var err error
		if changed, err = consent.Lift(tx, a.actor, a.From, ch.Platform); err != nil {
			return err
		}
	}
	if !changed || k.Answer == "" {
		return nil
	}
	return answerBack(tx, a, ch, m, who, parley.Message{Body: []parley.Part{{Kind: parley.PartText, Text: k.Answer}}, Class: parley.ClassService, Auto: parley.AutoKeyword})
}

// answerBack writes what the server answers to a message.
func answerBack(tx *store.Tx, a *arrival, ch *parley.Channel, m *parley.Message, who recipient, answer parley.Message) error {
	author := a.actor.Actor()
	answer.ID, answer.Conversation, answer.Kind, answer.Direction = parley.NewID(tx.Now), m.Conversation, parley.KindMessage, parley.Outbound
	answer.Author, answer.Actor, answer.ReplyTo = author, author, m.ID
	answer.Channel, answer.Platform, answer.Priority = ch.ID, ch.Platform, parley.PriorityNormal
	write := &store.Append{Organization: a.organization, KeepOut: true, Message: answer}
	addDeliveries(write, &route{channel: ch, recipients: []recipient{who}}, parley.PriorityNormal.Rank())
	write.Message.State, write.Message.Counts = parley.Queued, map[parley.DeliveryState]int{parley.Queued: 1}
	write.Events = []parley.Event{{Type: parley.EventMessageCreated, Conversation: m.Conversation, Message: answer.ID, Data: parley.EventData{Actor: a.actor.User}}}
	if answer.Auto != parley.AutoKeyword {
		if err := admitAlone(tx, a, write); err != nil {
			return err
		}
	}
	a.answered = true
	return tx.Append(write)
}

// admitAlone gives an answer that was not asked for its place. Where there is none it is there all the same, and skipped.
func admitAlone(tx *store.Tx, a *arrival, write *store.Append) error {
	err := limits.Admit(tx, a.organization, &a.policy, write, nil)
	if parley.IsKind(err, parley.KindRateLimited) {
		return nil
	}
	return err
}

// Park keeps what a provider sent and nobody understands, for the operator.
func (c *Core) Park(ctx context.Context, organization, channel parley.ID, raw []byte, reason string) error {
	text := cleaned(string(raw))
	return c.store.Write(ctx, organization, func(tx *store.Tx) error {
		return tx.Park(organization, &store.Parked{ID: parley.NewID(tx.Now), Channel: channel, Kind: store.KindInbound, Raw: text, Reason: reason})
	})
}

func (c *Core) parkInbound(ctx context.Context, organization, channel parley.ID, in connector.Inbound, reason string) error {
	raw, err := json.Marshal(in)
	if err != nil { // numbers that JSON does not have
		raw = []byte(fmt.Sprintf("%+v", in))
	}
	c.log.Warn("a message from outside is parked", "organization", organization, "channel", channel, "reason", reason)
	return c.Park(ctx, organization, channel, raw, reason)
}

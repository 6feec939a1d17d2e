package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core"
	"github.com/parley-server/parley/internal/core/template"
	"github.com/parley-server/parley/internal/parley"
)

// SendParams is a message that a request sends.
func SendParams(b *api.SendRequest) core.SendParams {
	out := core.SendParams{
		To: core.To{
			User: parley.ID(b.To.User), Users: IDs(b.To.Users), Role: parley.ID(b.To.Role), Team: parley.ID(b.To.Team), Broadcast: parley.ID(b.To.Broadcast),
			Conversation: parley.ID(b.To.Conversation), Contact: parley.ID(b.To.Contact), Address: b.To.Address, Channel: parley.ID(b.To.Channel),
			Receivers: receivers(b.To.Receivers),
		},
		From: core.From{Role: parley.ID(b.From.Role)},
		Body: Parts(b.Body), Attachments: IDs(b.Attachments), Internal: b.Internal, Priority: parley.Priority(b.Priority), TTL: Seconds(b.TTL),
		Validity: Seconds(b.Validity), DeleteOnRead: b.DeleteOnRead, Metadata: b.Metadata, SendAt: b.SendAt.Time, Tags: b.Tags,
		Reference: b.Reference, ReplyTo: parley.ID(b.ReplyTo), Draft: parley.ID(b.Draft), RequestAck: b.RequestAck, AckWithin: Seconds(b.AckWithin), Fallback: Fallbacks(b.Fallback), Escalate: b.Escalate, Reopen: parley.ReopenPolicy(b.Reopen), Links: parley.LinkMode(b.Links),
		Class: parley.MessageClass(b.Class),
	}
	if u := b.Template; u != nil {
		out.Template = &template.Use{ID: parley.ID(u.ID), Name: u.Name, Version: u.Version, Locale: u.Locale, Variables: u.Variables}
	}
	if g := b.Group; g != nil {
		out.Group = &core.Group{Name: g.Name, Description: g.Description, Avatar: parley.ID(g.Avatar), Metadata: g.Metadata}
	}
	if r := b.Record; r != nil {
		out.Record = &core.Record{
			Direction: parley.Direction(r.Direction), Author: parley.Actor{Kind: parley.ActorKind(r.Author.Kind), ID: parley.ID(r.Author.ID), Name: r.Author.Name},
			State: parley.DeliveryState(r.Status), SentAt: r.SentAt.Time, Platform: r.Platform, Imported: r.Imported,
		}
	}
	return out
}

// Fallbacks are those of a request.
func Fallbacks(list []api.Fallback) []parley.Fallback {
	if len(list) == 0 {
		return nil
	}
	out := make([]parley.Fallback, len(list))
	for i, f := range list {
		out[i] = parley.Fallback{Channel: parley.ID(f.Channel), After: Seconds(f.After), On: parley.FallbackOn(f.On)}
	}
	return out
}

// fallbacksOf are those of a message.
func fallbacksOf(list []parley.Fallback) []api.Fallback {
	if len(list) == 0 {
		return nil
	}
	return Each(list, func(f *parley.Fallback) api.Fallback {
		return api.Fallback{Channel: string(f.Channel), After: seconds(f.After), On: api.FallbackOn(f.On)}
	})
}

// asked writes what recipients are asked for, and what follows where they are not reached.
func (o *object) asked(m *parley.Message) {
	o.acks(m)
	if len(m.Fallback) > 0 {
		o.name(`"fallback":`)
		o.encoded(fallbacksOf(m.Fallback))
	}
}

func receivers(list []api.Receiver) []core.Receiver {
	if list == nil {
		return nil
	}
	out := make([]core.Receiver, len(list))
	for i, r := range list {
		out[i] = core.Receiver{Role: parley.ReceiverRole(r.Role), Contact: parley.ID(r.Contact), Address: r.Address, Channel: parley.ID(r.Channel)}
	}
	return out
}

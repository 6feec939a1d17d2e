package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/parley"
)

// HistoryEntry renders what became of a conversation.
func HistoryEntry(e *parley.HistoryEntry) api.HistoryEntry {
	return api.HistoryEntry{ID: string(e.ID), Time: stamp(e.At), Sequence: e.Sequence, Actor: actor(e.Actor, parley.Address{}), Reason: e.Reason,
		Changes: Each(e.Changes, func(c *parley.Difference) api.Change { return api.Change{Field: c.Field, From: c.From, To: c.To} })}
}

// Draft renders a draft.
func Draft(d *parley.Draft) api.Draft {
	return api.Draft{ID: string(d.ID), ConversationID: string(d.Conversation), User: string(d.User), Shared: d.Shared, Body: Body(d.Body),
		Attachments: attachments(d.Attachments), Internal: d.Internal, ReplyTo: string(d.ReplyTo), Rev: d.Rev, CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.UpdatedAt)}
}

// View renders a view.
func View(v *parley.View) api.View {
	f := &v.Filter
	return api.View{ID: string(v.ID), Owner: api.ViewOwner{Kind: api.ActorKind(v.Owner.Kind), ID: string(v.Owner.ID)}, Name: v.Name, Order: v.Place,
		Filter: api.ViewFilter{Kind: api.ConversationKind(f.Kind), Status: api.ConversationStatus(f.Status), Channel: string(f.Channel), Assignee: f.Assignee,
			Participant: f.Participant, Tag: f.Tag, ExternalID: f.ExternalID, Priority: f.Priority, Unread: f.Unread, Inbox: f.Inbox},
		Invalid: fieldErrors(v.Invalid), Rev: v.Rev, CreatedAt: stamp(v.CreatedAt), UpdatedAt: stamp(v.UpdatedAt)}
}

func fieldErrors(list []parley.FieldError) (out []api.FieldError) {
	for _, f := range list {
		out = append(out, api.FieldError{Field: f.Field, Code: f.Code, Message: f.Message})
	}
	return out
}

// ViewFilter is what a view is to be narrowed to.
func ViewFilter(f *api.ViewFilter) parley.ViewFilter {
	return parley.ViewFilter{Kind: parley.ConversationKind(f.Kind), Status: parley.ConversationStatus(f.Status), Channel: parley.ID(f.Channel), Assignee: f.Assignee,
		Participant: f.Participant, Tag: f.Tag, ExternalID: f.ExternalID, Priority: f.Priority, Unread: f.Unread, Inbox: f.Inbox}
}

// ViewCount renders how many conversations there are in a view.
func ViewCount(c *parley.ViewCount) api.ViewCount {
	return api.ViewCount{View: string(c.View), Count: c.Count, More: c.More, Invalid: c.Invalid}
}

// Call renders a page.
func Call(p *parley.Page) api.Call {
	out := api.Call{ID: string(p.ID), ConversationID: string(p.Conversation), MessageID: string(p.Message), Who: actor(p.Who, parley.Address{}), By: string(p.By),
		Urgency: api.Urgency(p.Urgency), Each: p.Each, State: api.PageState(p.State), RemindEvery: int(p.RemindEvery.Seconds()), Reminders: p.Reminders, Reminded: p.Reminded,
		ResolvedBy: string(p.EndedBy), EndedAt: stamp(p.EndedAt), CreatedAt: stamp(p.CreatedAt)}
	for _, a := range p.Answers {
		out.Answers = append(out.Answers, api.CallAnswer{User: string(a.User), At: stamp(a.At)})
	}
	return out
}

// Package search answers searches for messages, contacts and conversations.
package search

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/search"
	"github.com/parley-server/parley/internal/dialect/native/contract"
	"github.com/parley-server/parley/internal/dialect/native/door"
	"github.com/parley-server/parley/internal/dialect/native/wire"
	"github.com/parley-server/parley/internal/parley"
)

// area is what the handlers of this package stand on.
type area struct{ searches *search.Searches }

// Endpoints are the operations of this package.
func Endpoints(s *search.Searches) []*door.Endpoint {
	a := area{s}
	const messages, contacts, conversations = parley.ScopeMessagesRead, parley.ScopeContactsRead, parley.ScopeConversationsRead
	return []*door.Endpoint{
		door.GetBy(operation("messages", "searchMessages", messages, "Search messages"), a.messages),
		door.GetBy(operation("contacts", "searchContacts", contacts, "Search contacts"), a.contacts),
		door.GetBy(operation("conversations", "searchConversations", conversations, "Search conversations"), a.conversations),
	}
}

func operation(what, id string, scope parley.Scope, summary string) contract.Operation {
	o := door.Operation("GET /v1/search/"+what, id, scope, summary)
	o.Details = "Finds what the key may read, newest first. What was written a moment ago is found a moment later: " +
		"through says up to which event everything is found. A page looks at a bounded number of things, whatever the words are."
	return o
}

func (a area) messages(c *door.Call, q api.MessageSearch) (api.SearchPage[api.MessageFound], error) {
	f := search.MessageFilter{Conversation: parley.ID(q.Conversation), Author: parley.ID(q.Author), Channel: parley.ID(q.Channel),
		Kind: parley.MessageKind(q.Kind), Direction: parley.Direction(q.Direction), Tag: q.Tag, Since: q.From, Until: q.To}
	if q.HasAttachment != "" {
		f.HasAttachment = new(q.HasAttachment == "true")
	}
	page, err := a.searches.Messages(c.Ctx(), c.P, q.Q, f, q.After, door.Limit(q.Limit))
	return pageOf(&page, func(m *search.MessageFound) api.MessageFound {
		return api.MessageFound{Message: wire.Message(m.Message), Snippets: snippets(m.Snippets)}
	}), err
}

func (a area) contacts(c *door.Call, q api.ContactSearch) (api.SearchPage[api.ContactFound], error) {
	page, err := a.searches.Contacts(c.Ctx(), c.P, q.Q, q.Tag, q.After, door.Limit(q.Limit))
	return pageOf(&page, func(f *search.ContactFound) api.ContactFound {
		return api.ContactFound{Contact: wire.Contact(f.Contact), Snippets: snippets(f.Snippets)}
	}), err
}

func (a area) conversations(c *door.Call, q api.ConversationSearch) (api.SearchPage[api.ConversationFound], error) {
	f := search.ConversationFilter{Kind: parley.ConversationKind(q.Kind), Status: parley.ConversationStatus(q.Status), Tag: q.Tag}
	page, err := a.searches.Conversations(c.Ctx(), c.P, q.Q, f, q.After, door.Limit(q.Limit))
	return pageOf(&page, func(f *search.ConversationFound) api.ConversationFound {
		return api.ConversationFound{Conversation: wire.Conversation(f.Conversation), Snippets: snippets(f.Snippets)}
	}), err
}

func pageOf[D, W any](page *search.Page[D], render func(*D) W) api.SearchPage[W] {
	out := api.SearchPage[W]{Data: wire.Each(page.Found, render), Partial: page.Partial, Through: page.Through, Filling: !page.Whole}
	if out.Data == nil {
		out.Data = []W{}
	}
	if page.Next != "" {
		out.Next = &page.Next
	}
	return out
}

func snippets(list []search.Snippet) []api.Snippet {
	out := make([]api.Snippet, len(list))
	for i, s := range list {
		out[i] = api.Snippet{Field: s.Field, Fragments: make([]api.Fragment, len(s.Fragments))}
		for k, f := range s.Fragments {
			out[i].Fragments[k] = api.Fragment{Text: f.Text, Match: f.Match}
		}
	}
	return out
}

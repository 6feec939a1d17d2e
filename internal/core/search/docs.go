package search

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
	"github.com/parley-server/parley/internal/store/search"
	"github.com/parley-server/parley/internal/words"
)

// document is how something is indexed; one without words is not.
type document struct {
	search.Doc
	print search.Print
}

// maker looks things of a space up and makes documents of them, as they are now. What is not there is not among them.
type maker func(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]document, error)

var makers = map[search.Space]maker{
	search.Messages: messageDocs, search.Contacts: contactDocs, search.Conversations: conversationDocs,
}

// messageFields are the texts of a message.
func messageFields(m *parley.Message) []field {
	fields := make([]field, 0, len(m.Body)+len(m.Attachments)+1)
	parley.EachText(m.Body, func(path string, form parley.Form, text *string) {
		if *text == "" || !isShown(path) {
			return
		}
		if form == parley.FormHTML {
			fields = append(fields, field{"body", words.Plain(*text)})
		} else {
			fields = append(fields, field{"body", *text})
		}
	})
	for i := range m.Attachments {
		fields = append(fields, field{"attachment", m.Attachments[i].Name})
	}
	if m.Reference != "" {
		fields = append(fields, field{"reference", m.Reference})
	}
	return fields
}

// shown are the texts of parts of bodies, of their files and of what can be chosen, that people read.
var shown = map[string]bool{"body": true, "parts": true, "text": true, "title": true, "label": true, "address": true, "name": true, "alt": true, "description": true}

func isShown(path string) bool {
	last := path[strings.LastIndexByte(path, '.')+1:]
	last, _, _ = strings.Cut(last, "[")
	return shown[last] && !strings.Contains(path, ".hints.")
}

func messageDocs(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]document, error) {
	messages, err := q.Messages(organization, ids)
	if err != nil {
		return nil, err
	}
	scopes, err := scopesOf(q, organization, messages)
	docs := make(map[parley.ID]document, len(messages))
	for id, m := range messages {
		d := document{Doc: search.Doc{Place: search.Place{At: m.SentAt.UnixMilli(), ID: id}}}
		scope, known := scopes[m.Conversation]
		if known && m.Sequence > 0 && m.Removed == "" {
			d.Scope, d.Words = scope, wordsOf(messageFields(m), messageFilters(m)...)
		}
		docs[id] = d
	}
	return docs, err
}

func scopesOf(q store.Queries, organization parley.ID, messages map[parley.ID]*parley.Message) (map[parley.ID]search.Scope, error) {
	asked := make(map[parley.ID]search.Scope, len(messages))
	var ids []parley.ID
	for _, m := range messages {
		if _, ok := asked[m.Conversation]; !ok {
			asked[m.Conversation] = search.Everybody
			ids = append(ids, m.Conversation)
		}
	}
	rows, err := q.ActivityOf(organization, ids)
	scopes := make(map[parley.ID]search.Scope, len(rows))
	for i := range rows {
		scopes[rows[i].ID] = scopeOf(&rows[i])
	}
	return scopes, err
}

// messageFilters are the words that a message is narrowed by.
func messageFilters(m *parley.Message) []string {
	list := []string{byConversation + string(m.Conversation), byKind + string(m.Kind), byDirection + string(m.Direction)}
	if m.Author.ID != "" {
		list = append(list, byAuthor+string(m.Author.ID))
	}
	if m.Channel != "" {
		list = append(list, byChannel+string(m.Channel))
	}
	if len(m.Attachments) > 0 {
		list = append(list, byAttachment)
	}
	return append(list, tagWords(m.Tags)...)
}

func tagWords(tags []string) []string {
	list := make([]string, len(tags))
	for i, tag := range tags {
		list[i] = filterWord(byTag, tag)
	}
	return list
}

// contactFields are the texts of a contact.
func contactFields(c *parley.Contact) []field {
	fields := []field{{"name", c.Name}}
	for _, a := range c.Addresses {
		fields = append(fields, field{"address", a.Value})
	}
	if c.ExternalID != "" {
		fields = append(fields, field{"externalId", c.ExternalID})
	}
	keys := make([]string, 0, len(c.Attributes))
	for key := range c.Attributes {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		fields = append(fields, field{"attributes." + key, c.Attributes[key]})
	}
	for _, tag := range c.Tags {
		fields = append(fields, field{"tag", tag})
	}
	return fields
}

func contactDocs(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]document, error) {
	contacts, err := q.ContactsByID(organization, ids)
	docs := make(map[parley.ID]document, len(contacts))
	for id, c := range contacts {
		d := document{Doc: search.Doc{Place: search.Place{At: c.CreatedAt.UnixMilli(), ID: id}, Scope: search.Everybody}}
		if c.MergedInto == "" {
			d.Words = wordsOf(contactFields(c), tagWords(c.Tags)...)
		}
		docs[id] = d
	}
	return docs, err
}

// mostParticipants is how many of those who take part in a conversation it is found by.
const mostParticipants = 100

// conversationFields are the texts of a conversation, with those of its participants that are shown.
func conversationFields(c *parley.Conversation) []field {
	var fields []field
	if c.Title != "" {
		fields = append(fields, field{"title", c.Title})
	}
	for i := range c.Participants {
		who := &c.Participants[i]
		if who.Name != "" {
			fields = append(fields, field{"participant", who.Name})
		}
		if who.Address.Value != "" {
			fields = append(fields, field{"address", who.Address.Value})
		}
	}
	for _, tag := range c.Tags {
		fields = append(fields, field{"tag", tag})
	}
	return fields
}

func conversationDocs(q store.Queries, organization parley.ID, ids []parley.ID) (map[parley.ID]document, error) {
	conversations, err := q.Conversations(organization, ids)
	if err != nil {
		return nil, err
	}
	participants, err := q.FirstParticipants(organization, ids, mostParticipants)
	docs := make(map[parley.ID]document, len(conversations))
	for id, c := range conversations {
		c.Participants = participants[id]
		d := document{Doc: search.Doc{Place: search.Place{At: c.CreatedAt.UnixMilli(), ID: id}, Scope: search.ScopeOf(c.Visibility, c.Channel, id)}}
		d.Words = wordsOf(conversationFields(c), append(tagWords(c.Tags), byKind+string(c.Kind))...)
		docs[id] = d
	}
	return docs, err
}

// takePrint notes what a document was like.
func (d *document) takePrint() {
	list := slices.Clone(d.Words)
	slices.Sort(list)
	h := fnv.New64a()
	for _, word := range list {
		_, _ = h.Write([]byte(strconv.Itoa(len(word)) + word))
	}
	d.print = search.Print{Words: int64(h.Sum64()), Scope: d.Scope, At: d.At}
}

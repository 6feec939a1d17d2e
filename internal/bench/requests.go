package bench

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parley-server/parley/internal/bench/fill"
	"github.com/parley-server/parley/internal/bench/load"
)

// getRequest is a whole request; an empty key sends no credential.
func getRequest(path, key string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\n" + authorization(key) + "\r\n")
}

func authorization(key string) string {
	if key == "" {
		return ""
	}
	return "Authorization: Bearer " + key + "\r\n"
}

// streamRequest asks for live events: those from now on, or those after the last one seen.
func streamRequest(key, last string) []byte {
	query, resume := "?after=latest", ""
	if last != "" {
		query, resume = "", "Last-Event-ID: "+last+"\r\n"
	}
	return []byte("GET /v1/events" + query + " HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n" + resume + authorization(key) + "\r\n")
}

// Placeholders of a template; what takes their place has their length.
var (
	markKey     = strings.Repeat("K", 24)
	markContact = strings.Repeat("C", 20)
	markText    = strings.Repeat("T", 200)
)

// template is a send of one organization, in which what differs from message to message is written over.
type template struct {
	request       []byte
	key, to, text int // where the placeholders are
	targets       []string
}

func newTemplate(o *fill.Organization) template {
	return templateOf("/v1/messages", authorization(o.Key)+idempotencyKey, fmt.Sprintf(`{"to":{"contact":"%s"},"body":"%s"}`, markContact, markText), markContact, o.Contacts)
}

// idempotencyKey is the line of a head that has the key.
var idempotencyKey = "Idempotency-Key: " + markKey + "\r\n"

// templateOf is a send with lines of its head, in which a mark, in the path or the body, stands for one of the targets.
func templateOf(path, head, body, mark string, targets []string) template {
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", path, head, len(body), body)
	return template{request: request, targets: targets, key: bytes.Index(request, []byte(markKey)),
		to: bytes.Index(request, []byte(mark)), text: bytes.Index(request, []byte(markText))}
}

// sender makes the sends of one connection: half of them in the first organization, the others evenly in the rest.
type sender struct {
	templates []template
	random    *rand.Rand
	run       uint32 // so that no key was used in an earlier run
	number    uint64
	each      *atomic.Int64 // counts the sends of all connections: one to each contact in turn, instead of to random ones
}

// newSenders returns the source of each connection of a run.
func newSenders(organizations []fill.Organization) func(connection int) load.Source {
	run := uint32(time.Now().UnixMilli())
	return func(connection int) load.Source {
		s := newSender(organizations, run, connection)
		return s.next
	}
}

// newRounds returns sources that together send to one contact after another.
func newRounds(organizations []fill.Organization) func(connection int) load.Source {
	run := uint32(time.Now().UnixMilli())
	var each atomic.Int64
	return func(connection int) load.Source {
		s := newSender(organizations, run, connection)
		s.each = &each
		return s.next
	}
}

func newSender(organizations []fill.Organization, run uint32, connection int) *sender {
	templates := make([]template, len(organizations))
	for i := range organizations {
		templates[i] = newTemplate(&organizations[i])
	}
	return newSenderOf(templates, run, connection)
}

// newSenderOf is a sender with requests of its own, which it writes over.
func newSenderOf(templates []template, run uint32, connection int) *sender {
	s := &sender{templates: templates, run: run, number: uint64(connection) << 32, random: rand.New(rand.NewPCG(uint64(run), uint64(connection)))}
	for _, t := range templates {
		copy(t.request[t.text:], fill.Text(s.random))
	}
	return s
}

func (s *sender) next() []byte {
	var t *template
	var to string
	if s.each != nil {
		t, to = s.nextOfEach()
	} else {
		i := 0
		if len(s.templates) > 1 && s.random.Uint64()&1 == 1 {
			i = 1 + s.random.IntN(len(s.templates)-1)
		}
		t = &s.templates[i]
		to = t.targets[s.random.IntN(len(t.targets))]
	}
	copy(t.request[t.to:], to)
	hexInto(t.request[t.key:], uint64(s.run), 8)
	hexInto(t.request[t.key+8:], s.number, 16)
	hexInto(t.request[t.text:], s.number, 16)
	s.number++
	return t.request
}

// nextOfEach goes through all contacts, organization by organization.
func (s *sender) nextOfEach() (*template, string) {
	at := int(s.each.Add(1) - 1)
	for i := range s.templates {
		t := &s.templates[i]
		if at < len(t.targets) {
			return t, t.targets[at]
		}
		at -= len(t.targets)
	}
	t := &s.templates[0]
	return t, t.targets[at%len(t.targets)]
}

// hexInto writes a number in hexadecimal digits.
func hexInto(to []byte, n uint64, digits int) {
	for i := digits - 1; i >= 0; i-- {
		to[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

// doorThread is a conversation with a contact.
type doorThread struct{ conversation, contact, phone string }

// doorPlace is where a key writes to: conversations with contacts, or users.
type doorPlace struct {
	organization, key, channel string
	threads                    []doorThread
	users                      []string
}

// targets are the same thing of each conversation.
func (p *doorPlace) targets(of func(doorThread) string) []string {
	list := make([]string, len(p.threads))
	for i, t := range p.threads {
		list[i] = of(t)
	}
	return list
}

// doorCall is the documented call of a door, or the native send that it is compared with.
type doorCall struct {
	name, against string
	users         bool // it is written to users
	template      func(p *doorPlace) template
}

const (
	nativeToContacts = "native, to contacts"
	nativeToUsers    = "native, to users"
)

// doorCalls are the calls, each after that which it is compared with. All have a text of 200 bytes and a key that makes a repeat harmless.
var doorCalls = []doorCall{
	{name: nativeToContacts, template: func(p *doorPlace) template {
		return newTemplate(&fill.Organization{Key: p.key, Contacts: p.targets(func(t doorThread) string { return t.contact })})
	}},
	{name: "kustomer", against: nativeToContacts, template: func(p *doorPlace) template {
		mark := strings.Repeat("c", 24)
		return templateOf("/kustomer/v1/conversations/"+mark+"/messages", authorization(p.key),
			fmt.Sprintf(`{"channel":"sms","app":"bench","direction":"out","externalId":"%s","preview":"%s"}`, markKey, markText),
			mark, p.targets(func(t doorThread) string { return fill.Hex(t.conversation) }))
	}},
	{name: "spruce", against: nativeToContacts, template: func(p *doorPlace) template {
		return templateOf("/spruce/v1/conversations/t_"+markContact+"/messages", authorization(p.key)+"s-idempotency-key: "+markKey+"\r\n",
			fmt.Sprintf(`{"body":[{"type":"text","value":"%s"}]}`, markText), markContact, p.targets(func(t doorThread) string { return t.conversation }))
	}},
	{name: "bird", against: nativeToContacts, template: func(p *doorPlace) template {
		mark := strings.Repeat("C", len(p.threads[0].phone))
		return templateOf(fmt.Sprintf("/bird/workspaces/%s/channels/%s/messages", fill.UUID(p.organization), fill.UUID(p.channel)),
			"Authorization: AccessKey "+p.key+"\r\n"+idempotencyKey,
			fmt.Sprintf(`{"receiver":{"contacts":[{"identifierKey":"phonenumber","identifierValue":"%s"}]},"body":{"type":"text","text":{"text":"%s"}}}`, mark, markText),
			mark, p.targets(func(t doorThread) string { return t.phone }))
	}},
	{name: nativeToUsers, users: true, template: func(p *doorPlace) template {
		return templateOf("/v1/messages", authorization(p.key)+idempotencyKey, fmt.Sprintf(`{"to":{"user":"%s"},"body":"%s"}`, markContact, markText), markContact, p.users)
	}},
	{name: "tigerconnect", against: nativeToUsers, users: true, template: func(p *doorPlace) template {
		return templateOf("/tigerconnect/v2/message?response_format=message",
			"Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(p.key+":"))+"\r\n",
			fmt.Sprintf(`{"recipient":"%s","body":"%s","client_id":"%s"}`, markContact, markText, markKey), markContact, p.users)
	}},
}

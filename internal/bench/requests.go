package bench

import (
	"bytes"
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
	request            []byte
	key, contact, text int // where the placeholders are
	contacts           []string
}

func newTemplate(o *fill.Organization) template {
	body := fmt.Sprintf(`{"to":{"contact":"%s"},"body":"%s"}`, markContact, markText)
	request := fmt.Appendf(nil, "POST /v1/messages HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n%sIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s",
		authorization(o.Key), markKey, len(body), body)
	return template{request: request, contacts: o.Contacts, key: bytes.Index(request, []byte(markKey)),
		contact: bytes.Index(request, []byte(markContact)), text: bytes.Index(request, []byte(markText))}
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
	s := &sender{run: run, number: uint64(connection) << 32, random: rand.New(rand.NewPCG(uint64(run), uint64(connection)))}
	for i := range organizations {
		t := newTemplate(&organizations[i])
		copy(t.request[t.text:], fill.Text(s.random))
		s.templates = append(s.templates, t)
	}
	return s
}

func (s *sender) next() []byte {
	var t *template
	var contact string
	if s.each != nil {
		t, contact = s.nextOfEach()
	} else {
		i := 0
		if len(s.templates) > 1 && s.random.Uint64()&1 == 1 {
			i = 1 + s.random.IntN(len(s.templates)-1)
		}
		t = &s.templates[i]
		contact = t.contacts[s.random.IntN(len(t.contacts))]
	}
	copy(t.request[t.contact:], contact)
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
		if at < len(t.contacts) {
			return t, t.contacts[at]
		}
		at -= len(t.contacts)
	}
	t := &s.templates[0]
	return t, t.contacts[at%len(t.contacts)]
}

// hexInto writes a number in hexadecimal digits.
func hexInto(to []byte, n uint64, digits int) {
	for i := digits - 1; i >= 0; i-- {
		to[i] = "0123456789abcdef"[n&15]
		n >>= 4
	}
}

package sandbox

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// endpointSend is the body of a POST to an endpoint. An answer of 2xx says that it is taken, and may be
// {"ids": ["…"]}: the provider's ids of the one recipient, or one for each recipient. Other answers are
// refusals as any provider gives them (429 and 503 with Retry-After); no answer leaves the outcome unknown.
type endpointSend struct {
	Reference   string              `json:"reference"` // the same at every attempt
	Message     parley.ID           `json:"message"`
	Attempt     int                 `json:"attempt"`
	Channel     parley.ID           `json:"channel"`
	Platform    string              `json:"platform"`
	Priority    parley.Priority     `json:"priority"`
	Recipients  []endpointRecipient `json:"recipients"`
	Shown       []endpointRecipient `json:"shown,omitempty"` // whom a message to several shows as its receivers
	Text        string              `json:"text"`            // of all text parts
	Parts       []parley.Part       `json:"parts"`
	Attachments []parley.Attachment `json:"attachments"`
}

type endpointRecipient struct {
	Delivery int                `json:"delivery"`
	Kind     parley.AddressKind `json:"kind"`
	Address  string             `json:"address"`

	Role      parley.ReceiverRole `json:"role,omitempty"`
	Reference string              `json:"reference,omitempty"`
}

func endpointRecipients(list []connector.Recipient) []endpointRecipient {
	out := make([]endpointRecipient, len(list))
	for i, r := range list {
		out[i] = endpointRecipient{Delivery: r.Delivery, Kind: r.Address.Kind, Address: r.Address.Value, Role: r.Role, Reference: r.Reference}
	}
	return out
}

// endpointAnswer is what an endpoint said; the zero value stands for a channel without one.
type endpointAnswer struct {
	ids   []string
	trace connector.Trace
}

// idsOf returns the endpoint's ids of one of n recipients; none where it gave none.
func (a endpointAnswer) idsOf(i, n int) []string {
	switch {
	case n == 1:
		return a.ids
	case len(a.ids) == n:
		return a.ids[i : i+1]
	}
	return nil
}

// post hands a message to the channel's endpoint.
func (s *sandbox) post(ctx context.Context, ch parley.Channel, set settings, out connector.Outgoing) (endpointAnswer, error) {
	send := endpointSend{Reference: out.Reference, Message: out.Message, Attempt: out.Attempt, Channel: ch.ID,
		Platform: ch.Platform, Priority: out.Priority, Text: textOf(out.Body),
		Recipients:  endpointRecipients(out.Recipients),
		Shown:       endpointRecipients(out.Shown),
		Parts:       append([]parley.Part{}, out.Body...), // [] instead of null
		Attachments: append([]parley.Attachment{}, out.Attachments...)}
	body, err := json.Marshal(send)
	if err != nil {
		return endpointAnswer{}, &connector.Error{Code: connector.CodeRefused, Text: "the message cannot be written as JSON", Err: err}
	}
	header := set.header()
	header.Set("Content-Type", "application/json")
	answer, err := s.client.Do(ctx, connector.Call{Method: http.MethodPost, URL: set.Endpoint, Header: header,
		Body: body, Secrets: []string{set.Secret}})
	return readAnswer(answer), err
}

// ask asks the channel's endpoint whether it has a reference: 200 says yes, 404 no.
func (s *sandbox) ask(ctx context.Context, set settings, reference string) (answer endpointAnswer, found bool, err error) {
	u, err := url.Parse(set.Endpoint)
	if err != nil {
		return answer, false, &connector.Error{Code: connector.CodeSettings, Text: "the endpoint must be an absolute http or https URL"}
	}
	query := u.Query()
	query.Set("reference", reference)
	u.RawQuery = query.Encode()
	got, err := s.client.Do(ctx, connector.Call{Method: http.MethodGet, URL: u.String(), Header: set.header(),
		Secrets: []string{set.Secret}})
	answer = readAnswer(got)
	if got.Status == http.StatusNotFound {
		return answer, false, nil
	}
	return answer, err == nil, err
}

func (s settings) header() http.Header {
	header := http.Header{"Accept": {"application/json"}}
	if s.Secret != "" {
		header.Set("Authorization", "Bearer "+s.Secret)
	}
	return header
}

// readAnswer takes the ids from an answer; a body that has none is as good as none.
func readAnswer(answer connector.Answer) endpointAnswer {
	read := endpointAnswer{trace: answer.Trace}
	var body struct {
		IDs []string `json:"ids"`
	}
	if json.Unmarshal(answer.Body, &body) != nil {
		return read
	}
	for _, id := range body.IDs {
		if len(read.ids) < maxIDs && validID(id) && !slices.Contains(read.ids, id) {
			read.ids = append(read.ids, id)
		}
	}
	return read
}

const (
	maxIDs      = 100
	maxIDLength = 255
)

func validID(id string) bool {
	return id != "" && len(id) <= maxIDLength && !strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// textOf is the text of all text parts, a line each.
func textOf(body []parley.Part) string {
	var texts []string
	for _, part := range body {
		if part.Kind == parley.PartText {
			texts = append(texts, part.Text)
		}
	}
	return strings.Join(texts, "\n")
}

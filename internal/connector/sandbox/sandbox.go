// Package sandbox is the connector that simulates a platform. It needs no account and takes any address,
// and the address says what happens. It stores nothing: what follows a send is in its receipt.
//
// The behaviour is named by what stands before "@" or "+" of an address ("bounce@example.org",
// "bounce+7@example.org", "bounce"), or by the last four digits of a number:
//
//	delivered  any other   taken, delivered and read, without delay
//	bounce     …0001       taken, and then reported as undeliverable
//	retry      …0002       two temporary failures, then as delivered
//	slow       …0003       taken at once, delivered after the setting "delay", read after it again
//	noread     …0004       delivered and never read
//	block      …0008       refused for good: the recipient takes nothing from this sender
//
// In test organizations some recipients answer by themselves, a second after they were written to, once they have read it:
//
//	ack        …0005       answers "ACK"
//	reply      …0006       answers the text that it got
//	optout     …0007       answers "STOP"
//
// With the setting "endpoint", a URL, what the behaviour does not fail is first posted there, and the answer
// is obeyed like a provider's; see endpoint.go for the protocol.
package sandbox

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// Name of the connector in the catalog.
const Name = connector.Sandbox

const (
	defaultDelay = 2 * time.Second
	maxDelay     = time.Hour
	// failures is how many attempts fail for the behaviour retry.
	failures = 2
	// answerAfter is when recipients answer by themselves. If they are answered by a machine too, that takes time.
	answerAfter = time.Second
)

// sandbox is the connector. It is safe for concurrent use.
type sandbox struct {
	client *connector.Client
}

// Definition returns the sandbox's entry in the catalog. The client posts to the endpoints of channels that
// have one.
func Definition(client *connector.Client) connector.Definition {
	return connector.Definition{
		Name:      Name,
		Title:     "Sandbox",
		Platforms: platforms(),
		Settings: []connector.Setting{
			{Name: "endpoint", Type: connector.TypeURL,
				Doc: "Where every simulated send is posted as JSON before it counts as taken; its answer is obeyed like a provider's. None: sends are taken at once."},
			{Name: "secret", Type: connector.TypeString, Secret: true,
				Doc: "Sent to the endpoint as Authorization: Bearer."},
			{Name: "repeats", Type: connector.TypeString, Default: string(connector.RepeatDeduplicated),
				Allowed: []string{string(connector.RepeatDeduplicated), string(connector.RepeatAsk), string(connector.RepeatNeither)},
				Doc:     "What the simulated provider does with a reference it has had: deduplicated (it takes it once), ask (the endpoint answers GET ?reference= with 200 or 404), neither."},
			{Name: "delay", Type: connector.TypeInteger, Default: strconv.FormatInt(defaultDelay.Milliseconds(), 10),
				Doc: "Milliseconds until a message to a slow address is delivered, and again until it is read; 0 to 3600000."},
		},
		Connector: &sandbox{client: client},
	}
}

// settings of a channel.
type settings struct {
	Endpoint string           `json:"endpoint"`
	Secret   string           `json:"secret"`
	Repeats  connector.Repeat `json:"repeats"`
	Delay    *int64           `json:"delay"` // milliseconds
}

func (s settings) delay() time.Duration {
	if s.Delay == nil {
		return defaultDelay
	}
	return time.Duration(min(max(*s.Delay, 0), maxDelay.Milliseconds())) * time.Millisecond
}

// readSettings reads a channel's settings; a channel without any costs nothing.
func readSettings(ch parley.Channel) (settings, error) {
	var s settings
	if len(ch.Settings) <= len("{}") {
		return s, nil
	}
	if err := json.Unmarshal(ch.Settings, &s); err != nil {
		return s, &connector.Error{Code: connector.CodeSettings, Text: "the settings of the channel cannot be read"}
	}
	return s, nil
}

// Check refuses settings that cannot work together.
func (s *sandbox) Check(_ context.Context, ch parley.Channel) error {
	set, err := readSettings(ch)
	if err != nil {
		return parley.Invalid("settings", "type", "must be a JSON object of the sandbox's settings")
	}
	if set.Endpoint != "" {
		if err := s.client.Guard().CheckURL(set.Endpoint); err != nil {
			return parley.Invalid("settings.endpoint", "setting-invalid", "%v", err)
		}
	}
	if strings.ContainsFunc(set.Secret, unicode.IsControl) {
		return parley.Invalid("settings.secret", "setting-invalid", "must not contain control characters")
	}
	if set.Repeats == connector.RepeatAsk && set.Endpoint == "" {
		return parley.Invalid("settings.repeats", "setting-invalid", "ask needs an endpoint that can be asked")
	}
	if set.Delay != nil && (*set.Delay < 0 || *set.Delay > maxDelay.Milliseconds()) {
		return parley.Invalid("settings.delay", "out-of-range", "must be 0 to %d milliseconds", maxDelay.Milliseconds())
	}
	return nil
}

// Repeats returns the channel's setting.
func (s *sandbox) Repeats(ch parley.Channel) connector.Repeat {
	set, err := readSettings(ch)
	if err != nil || set.Repeats == "" {
		return connector.RepeatDeduplicated
	}
	return set.Repeats
}

// Send fails what the recipients' behaviours fail, posts the rest to the endpoint where there is one, and
// reports the rest as taken.
func (s *sandbox) Send(ctx context.Context, ch parley.Channel, out connector.Outgoing) (connector.Receipt, error) {
	set, err := readSettings(ch)
	if err != nil {
		return connector.Receipt{}, err
	}
	taken := out
	if out.Attempt <= failures {
		taken.Recipients = without(out.Recipients, behaviourRetry)
	}
	taken.Recipients = without(taken.Recipients, behaviourBlock)
	if len(taken.Recipients) == 0 && len(out.Recipients) > 0 {
		return connector.Receipt{}, failureOf(out.Recipients[0])
	}
	var answer endpointAnswer
	if set.Endpoint != "" && len(taken.Recipients) > 0 {
		if answer, err = s.post(ctx, ch, set, taken); err != nil {
			return connector.Receipt{Trace: answer.trace}, err
		}
	}
	receipt := takenReceipt(taken, set, answer)
	if len(taken.Recipients) == len(out.Recipients) {
		return receipt, nil
	}
	for _, recipient := range out.Recipients {
		if !slices.ContainsFunc(taken.Recipients, func(r connector.Recipient) bool { return r.Delivery == recipient.Delivery }) {
			receipt.Results = append(receipt.Results, connector.Result{Delivery: recipient.Delivery, Err: failureOf(recipient)})
		}
	}
	return receipt, nil
}

// without returns the recipients whose behaviour is another; the same slice where all are.
func without(recipients []connector.Recipient, b behaviour) []connector.Recipient {
	for i := range recipients {
		if behaviourOf(recipients[i].Address) != b {
			continue
		}
		rest := append([]connector.Recipient(nil), recipients[:i]...)
		for _, recipient := range recipients[i+1:] {
			if behaviourOf(recipient.Address) != b {
				rest = append(rest, recipient)
			}
		}
		return rest
	}
	return recipients
}

// failureOf is the refusal that a recipient's behaviour makes.
func failureOf(r connector.Recipient) *connector.Error {
	if behaviourOf(r.Address) == behaviourBlock {
		return &connector.Error{Code: connector.CodeRefusedBy, Text: "the sandbox's recipient takes nothing from this sender"}
	}
	return temporaryFailure()
}

func temporaryFailure() *connector.Error {
	return &connector.Error{Retry: true, Code: connector.CodeUnavailable,
		Text: "the sandbox fails the first " + strconv.Itoa(failures) + " attempts to this address"}
}

// Ask asks the endpoint about a reference. Without one, nothing was ever handed to anybody.
func (s *sandbox) Ask(ctx context.Context, ch parley.Channel, out connector.Outgoing) (connector.Receipt, bool, error) {
	set, err := readSettings(ch)
	if err != nil || set.Endpoint == "" {
		return connector.Receipt{}, false, err
	}
	answer, found, err := s.ask(ctx, set, out.Reference)
	if err != nil || !found {
		return connector.Receipt{Trace: answer.trace}, false, err
	}
	return takenReceipt(out, set, answer), true, nil
}

// takenReceipt reports every recipient as taken, with what is to follow.
func takenReceipt(out connector.Outgoing, set settings, answer endpointAnswer) connector.Receipt {
	receipt := connector.Receipt{
		Results: make([]connector.Result, 0, len(out.Recipients)),
		Later:   make([]connector.Later, 0, 2*len(out.Recipients)),
		Trace:   answer.trace,
	}
	for i, recipient := range out.Recipients {
		ids := answer.idsOf(i, len(out.Recipients))
		if len(ids) == 0 {
			reference := recipient.Reference
			if reference == "" {
				reference = out.Reference
			}
			ids = []string{providerID(reference, recipient.Delivery)}
		}
		receipt.Results = append(receipt.Results,
			connector.Result{Delivery: recipient.Delivery, ProviderIDs: ids, State: parley.Sent})
		b := behaviourOf(recipient.Address)
		receipt.Later = appendLater(receipt.Later, b, set, connector.Report{ProviderID: ids[0], Delivery: recipient.Delivery})
		if b == behaviourAck || b == behaviourReply || b == behaviourOptOut {
			receipt.Replies = append(receipt.Replies, connector.Reply{Delivery: recipient.Delivery, Word: behaviours[b].name, After: answerAfter})
		}
	}
	return receipt
}

// Play is what a recipient answers by itself.
func (s *sandbox) Play(word string, out connector.Outgoing) connector.Inbound {
	text := "ACK"
	switch word {
	case behaviours[behaviourReply].name:
		text = textOf(out.Body)
	case behaviours[behaviourOptOut].name:
		text = "STOP"
	}
	return connector.Inbound{ProviderID: "sandbox-answer-" + out.Reference, Body: []parley.Part{{Kind: parley.PartText, Text: text}}}
}

// providerID is the same for the same delivery at every attempt.
func providerID(reference string, delivery int) string {
	return strings.Join([]string{"sandbox", reference, strconv.Itoa(delivery)}, "-")
}

// appendLater adds what the behaviour reports after a send was taken; report names the delivery.
func appendLater(later []connector.Later, b behaviour, set settings, report connector.Report) []connector.Later {
	var after time.Duration
	switch b {
	case behaviourBounce:
		report.State, report.Code, report.Text = parley.Failed, connector.CodeBounced, "the sandbox bounces messages to this address"
		return append(later, connector.Later{Report: report})
	case behaviourSlow:
		after = set.delay()
	}
	report.State = parley.Delivered
	later = append(later, connector.Later{After: after, Report: report})
	if b == behaviourNoRead {
		return later
	}
	report.State = parley.Read
	return append(later, connector.Later{After: 2 * after, Report: report})
}

package delivery

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/core/hours"
	"github.com/parley-server/parley/internal/parley"
)

// Codes of what becomes of deliveries, beside those of connectors.
const (
	codeLost        = "call-lost"         // nobody knows what became of the call
	codeExhausted   = "retries-exhausted" // the last call failed for now
	codeExpired     = "validity-passed"
	codeRemoved     = "content-removed"
	codeOptedOut    = "contact-opted-out"
	codeSuppressed  = "address-suppressed"
	codeNoChannel   = "channel-deleted"
	codeNoConnector = "connector-unknown"
	codeNoMessage   = "message-unknown"
	codeTest        = "test-organization" // it reaches no provider
)

// Reasons, for the operator.
const (
	reasonExpired = "it could not be sent within its validity"
	reasonLost    = "nobody knows whether the provider took the message"
)

// Result is what became of a claimed delivery.
type Result struct {
	work *Work
	// made: the connector was called. Else the attempt is as if it had not been.
	made    bool
	outcome parley.AttemptOutcome
	trace   connector.Trace
	ended   time.Time
	// news is where the delivery comes to; without a state it stays queued, for wait at least.
	news         parley.News
	code, reason string
	wait         time.Duration
	lost         bool      // what became of the call has to be asked before the next
	drop         bool      // there is nothing to deliver any more
	with         []*Result // of deliveries that were claimed with it
	ids          []string
	later        []connector.Later
	answers      []connector.Reply // of a simulated recipient
}

// Call sends one delivery, with those that were claimed with it, unless something has come between.
func (d *Deliveries) Call(ctx context.Context, w *Work) *Result {
	if len(w.with) > 0 {
		return d.callTogether(ctx, w)
	}
	return d.callOne(ctx, w)
}

// callTogether sends deliveries of one message in one call. One by itself are those that nobody else is to see, and what of
// them cannot be sent now; they are given back.
func (d *Deliveries) callTogether(ctx context.Context, w *Work) *Result {
	var ready []*Work
	var results []*Result
	for _, one := range all([]*Work{w}) {
		switch r := d.refuse(ctx, one); {
		case r != nil:
			results = append(results, r)
		case one.job.Lost || one != w && one.standing != nil || one != w && one.message.Receivers.Role(one.delivery.Number) == parley.ReceiverBCC:
			results = append(results, &Result{work: one})
		default:
			ready = append(ready, one)
		}
	}
	if len(ready) > 1 && ready[0].message.Receivers.Role(ready[0].delivery.Number) == parley.ReceiverBCC {
		for _, one := range ready[1:] {
			results = append(results, &Result{work: one})
		}
		ready = ready[:1]
	}
	switch definition, ok := d.connectors[connectorOf(w)]; {
	case len(ready) == 1:
		results = append(results, d.callOne(ctx, ready[0]))
	case !ok:
		for _, one := range ready {
			results = append(results, d.callOne(ctx, one))
		}
	case len(ready) > 1:
		out, err := ready[0].outgoing(definition, d.url())
		if err != nil {
			for _, one := range ready {
				results = append(results, d.callOne(ctx, one))
			}
			return gathered(results)
		}
		for _, one := range ready[1:] {
			out.Recipients = append(out.Recipients, one.recipient(one.delivery))
		}
		receipt, err := definition.Connector.Send(ctx, *ready[0].channel, out)
		for _, one := range ready {
			results = append(results, d.answered(one, definition.Connector, receipt, err))
		}
	}
	return gathered(results)
}

// gathered are results that are written together.
func gathered(results []*Result) *Result {
	results[0].with = results[1:]
	return results[0]
}

func (d *Deliveries) callOne(ctx context.Context, w *Work) *Result {
	if r := d.refuse(ctx, w); r != nil {
		return r
	}
	definition, ok := d.connectors[w.channel.Connector]
	if !ok {
		return w.end(parley.Failed, parley.PhasePolicy, codeNoConnector, "this server has no connector "+w.channel.Connector)
	}
	out, err := w.outgoing(definition, d.url())
	if err != nil {
		return w.end(parley.Failed, parley.PhasePolicy, parley.AsError(err).Code, parley.AsError(err).Message)
	}
	if w.job.Lost {
		if r := d.afterLoss(ctx, w, definition.Connector, out); r != nil {
			return r
		}
	}
	receipt, err := definition.Connector.Send(ctx, *w.channel, out)
	return d.answered(w, definition.Connector, receipt, err)
}

// barred reports whether a delivery is a test organization's that would reach somebody. There are no such channels, unless the
// operator has let them be made before.
func (d *Deliveries) barred(ctx context.Context, w *Work) (bool, error) {
	if w.channel.Connector == connector.Sandbox || d.reach || !w.job.Organization.OfTest() {
		return false, nil
	}
	_, err := d.store.Read(ctx).Clock(w.job.Organization)
	if parley.IsKind(err, parley.KindNotFound) {
		return false, nil
	}
	return err == nil, err
}

// refuse checks what may have changed since the message was accepted; nil means that it is sent.
func (d *Deliveries) refuse(ctx context.Context, w *Work) *Result {
	now := d.store.Now(ctx, w.job.Organization)
	m, del := w.message, w.delivery
	switch {
	case !w.loaded:
		return &Result{work: w}
	case del == nil || del.State != parley.Queued:
		return &Result{work: w, drop: true}
	case m == nil:
		return w.end(parley.Failed, parley.PhasePolicy, codeNoMessage, "the message does not exist any more")
	case m.Removed != "":
		return w.end(parley.Canceled, "", codeRemoved, "the content was removed before it was sent: "+string(m.Removed))
	case !m.ExpiresAt.IsZero() && !now.Before(m.ExpiresAt):
		return w.end(parley.Canceled, "", codeRemoved, "the life of the content ended before it was sent")
	case !del.ValidUntil.IsZero() && !now.Before(del.ValidUntil):
		return w.end(parley.Expired, "", codeExpired, reasonExpired)
	case w.channel == nil:
		return w.end(parley.Failed, parley.PhasePolicy, codeNoChannel, "the channel was deleted")
	case w.refusal.OptedOut:
		return w.end(parley.Skipped, "", codeOptedOut, "the contact does not want to be written to any more")
	case w.refusal.Suppressed:
		return w.end(parley.Skipped, "", codeSuppressed, "the address gets no such messages any more")
	case w.standing != nil && w.standing.Over != "":
		return w.end(parley.Canceled, "", w.standing.Over, w.standing.Why())
	case w.channel.Paused:
		return &Result{work: w}
	case w.quiet.After(now):
		return &Result{work: w, wait: w.quiet.Sub(now), code: hours.CodeQuiet, reason: hours.ReasonQuiet}
	}
	if barred, err := d.barred(ctx, w); err != nil {
		return &Result{work: w}
	} else if barred {
		return w.end(parley.Failed, parley.PhasePolicy, codeTest, "a test organization reaches no provider")
	}
	return nil
}

// end is the end of a delivery without a call. Where the call before was lost, nobody knows what it came to.
func (w *Work) end(state parley.DeliveryState, phase parley.FailurePhase, code, reason string) *Result {
	if w.job.Lost && state != parley.Unknown {
		return w.end(parley.Unknown, "", codeLost, reasonLost+"; "+reason)
	}
	return &Result{work: w, news: parley.News{State: state, Phase: phase}, code: code, reason: reason}
}

// made is how many calls were made before, those included that were lost with their claim.
func (w *Work) made() int { return w.delivery.Attempts }

// afterLoss decides what follows a call whose outcome nobody knows; nil means that it is sent again.
func (d *Deliveries) afterLoss(ctx context.Context, w *Work, c connector.Connector, out connector.Outgoing) *Result {
	switch repeats(c, *w.channel) {
	case connector.RepeatDeduplicated:
		return nil
	case connector.RepeatAsk:
		receipt, found, err := c.(connector.Asker).Ask(ctx, *w.channel, out)
		if err != nil {
			r := d.failed(w, receipt.Trace, err)
			r.lost = r.news.State == ""
			if r.news.State == parley.Failed { // whoever cannot be asked has not said no
				r.news = parley.News{State: parley.Unknown}
			}
			return r
		}
		if !found {
			return nil
		}
		return d.answered(w, c, receipt, nil)
	}
	if w.resends() {
		return nil
	}
	return w.end(parley.Unknown, "", codeLost, reasonLost+"; retry by hand, or leave it")
}

// repeats is what a second send of a reference does at the provider.
func repeats(c connector.Connector, ch parley.Channel) connector.Repeat {
	repeater, ok := c.(connector.Repeater)
	if !ok {
		return connector.RepeatNeither
	}
	repeat := repeater.Repeats(ch)
	if _, asks := c.(connector.Asker); repeat == connector.RepeatAsk && !asks {
		return connector.RepeatNeither
	}
	return repeat
}

// resends reports whether the channel's policy is to send again at the risk of sending twice.
func (w *Work) resends() bool {
	switch w.channel.OnUnknown {
	case parley.UnknownResend:
		return true
	case parley.UnknownHold:
		return false
	}
	return w.message.Priority == parley.PriorityHigh
}

// answered is what a connector's answer makes of the delivery.
func (d *Deliveries) answered(w *Work, c connector.Connector, receipt connector.Receipt, err error) *Result {
	if err != nil {
		if _, refused := errors.AsType[*connector.Error](err); refused {
			return d.failed(w, receipt.Trace, err)
		}
		return d.lost(w, c, receipt.Trace, err)
	}
	for _, answer := range receipt.Results {
		if answer.Delivery != w.delivery.Number {
			continue
		}
		if answer.Err != nil {
			return d.failed(w, receipt.Trace, answer.Err)
		}
		return d.accepted(w, receipt, answer)
	}
	return d.lost(w, c, receipt.Trace, &connector.LostError{Text: "the connector's answer says nothing of the recipient"})
}

func (d *Deliveries) called(w *Work, outcome parley.AttemptOutcome, trace connector.Trace) *Result {
	return &Result{work: w, made: true, outcome: outcome, trace: trace, ended: d.now()}
}

func (d *Deliveries) accepted(w *Work, receipt connector.Receipt, answer connector.Result) *Result {
	r := d.called(w, parley.AttemptAccepted, receipt.Trace)
	r.news.State = answer.State
	for _, id := range answer.ProviderIDs {
		r.ids = append(r.ids, connector.ShortID(id))
	}
	if r.news.State == "" {
		r.news.State = parley.Sent
	}
	for _, later := range receipt.Later {
		if later.Report.Delivery == w.delivery.Number {
			r.later = append(r.later, later)
		}
	}
	for _, answer := range receipt.Replies {
		if answer.Delivery == w.delivery.Number && w.job.Organization.OfTest() { // elsewhere nobody speaks who was not asked to
			r.answers = append(r.answers, answer)
		}
	}
	return r
}

// failed is a refusal, for now or for good; an error that is none counts as one for now.
func (d *Deliveries) failed(w *Work, trace connector.Trace, err error) *Result {
	refusal, ok := errors.AsType[*connector.Error](err)
	if !ok {
		refusal = &connector.Error{Retry: true, Code: codeLost, Text: textOf(err), Trace: traceOf(err, trace)}
	}
	if refusal.Trace.Request != "" {
		trace = refusal.Trace
	}
	r := d.called(w, parley.AttemptRetry, trace)
	r.code, r.reason = refusal.Code, refusal.Text
	again, ok := wait(w.made() + 1)
	switch {
	case !refusal.Retry:
		r.outcome = parley.AttemptFailed
		r.news = parley.News{State: parley.Failed, Phase: parley.PhaseHandoff}
	case !ok:
		r.news = parley.News{State: parley.Failed, Phase: parley.PhaseHandoff}
		r.code, r.reason = codeExhausted, refusal.Code+": "+refusal.Text
	default:
		r.wait = max(again, refusal.RetryAfter)
	}
	return r
}

// lost is a call whose outcome nobody knows: it is repeated, asked about, or left to a person.
func (d *Deliveries) lost(w *Work, c connector.Connector, trace connector.Trace, err error) *Result {
	r := d.called(w, parley.AttemptLost, traceOf(err, trace))
	r.code, r.reason = codeLost, textOf(err)
	again, more := wait(w.made() + 1)
	if more && (repeats(c, *w.channel) != connector.RepeatNeither || w.resends()) {
		r.wait, r.lost = again, true
		return r
	}
	r.news.State = parley.Unknown
	return r
}

func traceOf(err error, trace connector.Trace) connector.Trace {
	if lost, ok := errors.AsType[*connector.LostError](err); ok && lost.Trace.Request != "" {
		return lost.Trace
	}
	return trace
}

// GiveUp is what became of a call that never came back.
func (d *Deliveries) GiveUp(w *Work) *Result {
	results := make([]*Result, 0, 1+len(w.with))
	for _, one := range all([]*Work{w}) {
		results = append(results, d.giveUp(one))
	}
	return gathered(results)
}

func (d *Deliveries) giveUp(w *Work) *Result {
	definition, ok := d.connectors[connectorOf(w)]
	if !ok {
		return &Result{work: w}
	}
	return d.lost(w, definition.Connector, connector.Trace{}, &connector.LostError{Text: "the connector did not come back in time"})
}

func connectorOf(w *Work) string {
	if !w.loaded || w.channel == nil || w.delivery == nil || w.message == nil {
		return ""
	}
	return w.channel.Connector
}

// Reference is what a provider is told a delivery is, the same at every attempt.
func Reference(message parley.ID, number int) string {
	return string(message) + "." + strconv.Itoa(number)
}

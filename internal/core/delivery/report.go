package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
	"github.com/parley-server/parley/internal/store"
)

const (
	// kindPart is the kind of those of parts of a delivery that have not arrived.
	kindPart = "part"
	// kindReceipt is the kind of parked receipts.
	kindReceipt = "receipt"
	// receiptsAtOnce is how many timers one transaction works off.
	receiptsAtOnce = 100
)

// report is a receipt as timers and parked rows keep it: facts, no content.
type report struct {
	State        parley.DeliveryState `json:"s"`
	AcceptedOnly bool                 `json:"a,omitempty"`
	Code         string               `json:"c,omitempty"`
	Text         string               `json:"t,omitempty"`
	At           int64                `json:"at,omitempty"` // milliseconds since 1970
}

func newReport(r connector.Report) report {
	kept := report{State: r.State, AcceptedOnly: r.AcceptedOnly, Code: r.Code, Text: r.Text}
	if !r.At.IsZero() {
		kept.At = r.At.UnixMilli()
	}
	return kept
}

// news is what the report says about a delivery, and when it was so: never later than now. A provider that gave
// up after its own validity did not deliver: expired is what we call it when we gave up.
func (r report) news(now time.Time) (parley.News, time.Time) {
	n := parley.News{State: r.State, AcceptedOnly: r.AcceptedOnly}
	if n.State == parley.Failed || n.State == parley.Expired {
		n.State, n.Phase = parley.Failed, parley.PhaseDelivery
	}
	at := now
	if r.At > 0 && r.At < now.UnixMilli() {
		at = time.UnixMilli(r.At).UTC()
	}
	return n, at
}

// reportable are the states that a provider can report.
func reportable(s parley.DeliveryState) bool {
	switch s {
	case parley.Sent, parley.Delivered, parley.Read, parley.Failed, parley.Expired:
		return true
	}
	return false
}

// timersOf are the timers of receipts that a simulator will report: one for those of the same time.
func timersOf(j *store.Job, later []connector.Later, now time.Time) ([]store.Job, error) {
	var timers []store.Job
	for i := 0; i < len(later); {
		after := later[i].After
		var reports []report
		for ; i < len(later) && later[i].After == after; i++ {
			reports = append(reports, newReport(later[i].Report))
		}
		payload, err := json.Marshal(reports)
		if err != nil {
			return nil, err
		}
		timers = append(timers, store.Job{Organization: j.Organization, Kind: store.JobReceipt, Channel: j.Channel,
			ID:    store.JobID(store.JobReceipt, fmt.Sprintf("%s.%d.%d", j.Message, j.Delivery, len(timers))),
			DueAt: now.Add(after), Message: j.Message, Delivery: j.Delivery, Payload: string(payload)})
	}
	return timers, nil
}

// playsOf are the timers of what a simulated recipient answers.
func playsOf(j *store.Job, answers []connector.Reply, now time.Time) []store.Job {
	plays := make([]store.Job, len(answers))
	for i, a := range answers {
		plays[i] = store.Job{Organization: j.Organization, Kind: store.JobPlay, Channel: j.Channel, Message: j.Message, Delivery: j.Delivery,
			ID: store.JobID(store.JobPlay, Reference(j.Message, j.Delivery)), DueAt: now.Add(a.After), Payload: a.Word}
	}
	return plays
}

// NextReceipt returns when the first simulated receipt is due; zero where there is none.
func (d *Deliveries) NextReceipt(ctx context.Context) (time.Time, error) {
	return d.store.Read(ctx).NextDue(store.JobReceipt)
}

// Receipts takes in simulated receipts that are due, and says how many timers there were.
func (d *Deliveries) Receipts(ctx context.Context) (int, error) {
	return d.store.WriteDue(ctx, store.JobReceipt, receiptsAtOnce, func(tx *store.Tx, timers []store.Job) error {
		due, err := tx.DueReceipts(timers)
		if err != nil {
			return err
		}
		b := newBatch(tx)
		deliveries, err := b.ofReceipts(due)
		if err != nil {
			return err
		}
		for i := range due {
			timer := &due[i]
			b.done = append(b.done, store.Job{Organization: timer.Organization, ID: timer.ID, Kind: store.JobReceipt})
			var reports []report
			if err := json.Unmarshal([]byte(timer.Payload), &reports); err != nil {
				d.log.Error("a simulated receipt cannot be read", "job", timer.ID, "error", err)
				continue
			}
			ref := refOfReceipt(timer)
			b.reports(ref, deliveries[ref], reports)
		}
		return b.write()
	})
}

func refOfReceipt(timer *store.DueReceipt) store.DeliveryRef {
	return store.DeliveryRef{Organization: timer.Organization, Message: timer.Message, Number: timer.Number}
}

// ofReceipts returns the deliveries of timers: those that nothing has gone wrong with as the timers tell, the
// others read in full.
func (b *batch) ofReceipts(due []store.DueReceipt) (map[store.DeliveryRef]*parley.Delivery, error) {
	deliveries := make(map[store.DeliveryRef]*parley.Delivery, len(due))
	var rest []store.DeliveryRef
	for i := range due {
		timer := &due[i]
		ref := refOfReceipt(timer)
		switch timer.State {
		case "":
		case parley.Sent, parley.Delivered:
			if timer.Smooth {
				deliveries[ref] = &parley.Delivery{Message: timer.Message, Number: timer.Number, Conversation: timer.Conversation,
					State: timer.State, Attempts: timer.Attempts, SentAt: timer.SentAt, DeliveredAt: timer.DeliveredAt}
				continue
			}
			fallthrough
		default:
			rest = append(rest, ref)
		}
	}
	read, err := b.tx.DeliveriesOf(rest)
	for ref, del := range read {
		deliveries[ref] = del
	}
	return deliveries, err
}

// reports applies receipts of one delivery, in order.
func (b *batch) reports(ref store.DeliveryRef, del *parley.Delivery, reports []report) {
	if del == nil {
		return // it was deleted with its message
	}
	for _, r := range reports {
		n, at := r.news(b.tx.Now)
		b.move(ref, del, n, r.Code, r.Text, at)
	}
}

// partReport applies a receipt of one provider id. Of a delivery in parts, good news counts when it has come of all.
func (b *batch) partReport(ref store.DeliveryRef, del *parley.Delivery, channel parley.ID, id string, r report) {
	if parts := b.parts[ref]; len(parts) > 0 && (r.State == parley.Delivered || r.State == parley.Read) {
		if parts[id] {
			delete(parts, id)
			b.arrived = append(b.arrived, store.ProviderReference{Organization: ref.Organization, Channel: channel, Kind: kindPart,
				Value: store.PartReference(ref, id)})
		}
		if len(parts) > 0 {
			return
		}
	}
	b.reports(ref, del, []report{r})
}

// Reports takes in the receipts of a channel's provider. One that nothing is known about yet waits for the result
// of its send.
func (d *Deliveries) Reports(ctx context.Context, organization, channel parley.ID, reports []connector.Report) error {
	if len(reports) == 0 {
		return nil
	}
	reports = slices.Clone(reports)
	ids := make([]string, len(reports))
	for i := range reports {
		reports[i].ProviderID = connector.ShortID(reports[i].ProviderID)
		ids[i] = reports[i].ProviderID
	}
	return d.store.Write(ctx, organization, func(tx *store.Tx) error {
		known, err := tx.DeliveryReferences(organization, channel, ids)
		if err != nil {
			return err
		}
		refs := make([]store.DeliveryRef, 0, len(known))
		for _, ref := range known {
			refs = append(refs, ref)
		}
		deliveries, err := tx.DeliveriesOf(refs)
		if err != nil {
			return err
		}
		b := newBatch(tx)
		if b.parts, err = tx.Parts(channel, refs); err != nil {
			return err
		}
		for _, r := range reports {
			ref, matched := known[r.ProviderID]
			if matched && reportable(r.State) {
				b.partReport(ref, deliveries[ref], channel, r.ProviderID, newReport(r))
			} else if err := park(tx, organization, channel, r); err != nil {
				return err
			}
		}
		return b.write()
	})
}

// park keeps a receipt that cannot be taken in now.
func park(tx *store.Tx, organization, channel parley.ID, r connector.Report) error {
	raw, err := json.Marshal(newReport(r))
	if err != nil {
		return err
	}
	p := store.Parked{ID: parley.NewID(tx.Now), Channel: channel, Kind: kindReceipt, Reference: r.ProviderID, Raw: string(raw), Reason: "no delivery with this id yet"}
	if !reportable(r.State) {
		p.Reference, p.Reason = "", "no state that a receipt can report"
	}
	return tx.Park(organization, &p)
}

// collectParked applies the receipts that came before the ids of their sends were known.
func (b *batch) collectParked() error {
	rows, err := b.tx.TakeParked(b.references)
	if err != nil || len(rows) == 0 {
		return err
	}
	slices.SortFunc(rows, func(a, c store.ParkedRow) int { return strings.Compare(string(a.ID), string(c.ID)) })
	type key struct {
		organization, channel parley.ID
		value                 string
	}
	known := make(map[key]store.DeliveryRef, len(b.references))
	for _, p := range b.references {
		known[key{p.Organization, p.Channel, p.Value}] = store.DeliveryRef{Organization: p.Organization, Message: p.Message, Number: p.Delivery}
	}
	for _, row := range rows {
		var r report
		if err := json.Unmarshal([]byte(row.Raw), &r); err != nil {
			return err
		}
		ref := known[key{row.Organization, row.Channel, row.Reference}]
		if r.At == 0 {
			r.At = row.CreatedAt.UnixMilli()
		}
		b.partReport(ref, b.deliveries[ref], row.Channel, row.Reference, r)
	}
	return nil
}

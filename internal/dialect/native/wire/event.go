package wire

import (
	"github.com/parley-server/parley/api"
	"github.com/parley-server/parley/internal/core/eventlog"
	"github.com/parley-server/parley/internal/parley"
)

// Event renders an event.
func Event(d *eventlog.Detail) api.Event {
	out := api.Event{Sequence: d.Sequence, Type: api.EventType(d.Type), Time: stamp(d.At), Data: api.EventData{
		ID: string(d.Subject), ConversationID: string(d.Event.Conversation), MessageID: string(d.Event.Message), DeliveryID: DeliveryID(d.Event.Message, d.Data.Delivery),
		Status: eventStatus(&d.Data), Phase: string(d.Data.Phase), Code: d.Data.Code, Reason: d.Data.Reason, Through: d.Data.Through, Actor: string(d.Data.Actor), User: string(d.Data.User), Into: string(d.Data.Into),
		Group: string(d.Data.Group), Level: d.Data.Level,
		Number: d.Data.Number, Users: texts(d.Users),
	}}
	if d.Message != nil {
		out.Data.Message = new(Message(d.Message))
	}
	return out
}

func eventStatus(data *parley.EventData) string {
	if data.State != "" {
		return string(data.State)
	}
	return data.Status
}

// AppendEvent appends an event as JSON: the same bytes that encoding Event gives, with the message as its
// reader sees it.
func AppendEvent(to []byte, d *eventlog.Detail, m *parley.Message) []byte {
	o := object{to}
	o.open('{')
	o.number(`"sequence":`, d.Sequence)
	o.text(`"type":`, string(d.Type))
	o.time(`"time":`, d.At)
	o.name(`"data":`)
	o.open('{')
	o.optional(`"id":`, string(d.Subject))
	o.optional(`"conversationId":`, string(d.Event.Conversation))
	o.optional(`"messageId":`, string(d.Event.Message))
	o.optional(`"deliveryId":`, DeliveryID(d.Event.Message, d.Data.Delivery))
	o.optional(`"status":`, eventStatus(&d.Data))
	o.optional(`"phase":`, string(d.Data.Phase))
	o.optional(`"code":`, d.Data.Code)
	o.optional(`"reason":`, d.Data.Reason)
	o.optionalNumber(`"through":`, d.Data.Through)
	o.optional(`"actor":`, string(d.Data.Actor))
	o.optional(`"user":`, string(d.Data.User))
	o.optional(`"into":`, string(d.Data.Into))
	o.optional(`"group":`, string(d.Data.Group))
	o.optionalNumber(`"level":`, int64(d.Data.Level))
	o.optionalNumber(`"number":`, int64(d.Data.Number))
	o.ids(`"users":`, d.Users)
	if m != nil {
		o.name(`"message":`)
		o.out = AppendMessage(o.out, m)
	}
	o.close('}')
	o.close('}')
	return o.out
}

func (o *object) ids(name string, values []parley.ID) {
	if len(values) > 0 {
		o.texts(name, texts(values))
	}
}

func (o *object) notice(n *parley.Notice) {
	if n == nil {
		return
	}
	o.name(`"notice":`)
	o.open('{')
	o.text(`"kind":`, string(n.Kind))
	o.actors(`"who":`, n.Who)
	o.optional(`"reason":`, n.Reason)
	o.optional(`"escalation":`, string(n.Escalation))
	o.optionalNumber(`"level":`, int64(n.Level))
	o.close('}')
}

package contract

import (
	"encoding/json"
	"math"
	"regexp"
)

// Limits of a message.
const (
	MostTags = 10
	maxTag   = 50
)

var (
	tagPattern      = regexp.MustCompile(`^[a-zA-Z0-9\-_ ]+$`)
	uuidPattern     = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	userPattern     = regexp.MustCompile(`[\w.\-/+]+`)
	variablePattern = regexp.MustCompile(`{{[^{}]+}}`)

	str     = text(0, 0)
	some    = text(1, 0)
	uuid    = like(str, uuidPattern, "a UUID")
	headers = each(str)
	user    = like(str, userPattern, "the user part of an address")
	tele    = object(fields{"parseMode": word("Markdown", "MarkdownV2")})
)

// Message is the shape of a message to send.
var Message = object(fields{
	"sender": object(fields{"connector": object(fields{"identifierValue": str, "annotations": object(fields{"name": str})}, "identifierValue")}, "connector"),
	"receiver": object(fields{"contacts": list(1, 0, object(fields{"id": str, "identifierKey": str, "identifierValue": str, "type": word("to", "cc", "bcc"),
		"identifiers":     null(list(0, 20, object(fields{"identifierKey": str, "identifierValue": str}, "identifierKey", "identifierValue"))),
		"platformAddress": str, "platformAddressSelector": null(str), "receiverValue": anything, "receiverExpression": anything}))}, "contacts"),
	"reference":    str,
	"template":     null(template),
	"body":         null(body),
	"meta":         meta,
	"replyTo":      object(fields{"id": some, "order": whole(math.MinInt32, math.MaxInt32), "type": word("message", "click", "referrals")}, "id", "type"),
	"tags":         list(0, MostTags, like(text(1, maxTag), tagPattern, "of letters, digits, spaces, - and _")),
	"shortLinks":   null(object(fields{"domain": text(1, 128)}, "domain")),
	"notification": open(fields{"url": address}), "capFrequency": boolean, "enableLinkTracking": boolean, "ignoreQuietHours": boolean,
	"ignoreGlobalHoldout": boolean, "scheduledFor": moment, "validity": whole(0, 100*365*24*60*60),
}, "receiver")

var template = object(fields{
	"name": str, "projectId": str, "version": str, "locale": str,
	"attachments": null(list(0, 0, object(fields{"mediaUrl": address, "filename": str, "inline": boolean}, "mediaUrl", "filename"))),
	"shortLinks":  null(open(fields{"enabled": boolean, "domain": str})),
	"variables":   null(each(str)),
	"utmParameters": null(list(1, 8, object(fields{"key": text(1, 20), "value": text(1, 100), "reference": word("platform_name", "channel_name")},
		"key"))),
	"parameters": null(list(1, 0, tagged(parameters))),
	"settings":   null(open(fields{"disallowMmLite": null(boolean), "useMmLite": null(boolean)})),
})

// parameters are the kinds of parameters of templates.
var parameters = func() map[string]Shape {
	shapes := map[string]Shape{"string": str, "number": number(-math.MaxFloat64, math.MaxFloat64), "boolean": boolean, "object": open(nil)}
	for kind, name := range map[string]string{"sectionList": "sections", "timeslotList": "timeslots", "productSections": "productSections",
		"productList": "products", "shippingMethodList": "shippingMethods", "lineItemList": "lineItems", "whatsappProductSections": "sections",
		"whatsappProductItems": "products"} {
		needed := []string{name}
		if kind == "whatsappProductItems" {
			needed = nil
		}
		shapes[kind] = object(fields{name: null(list(0, 0, open(nil)))}, needed...)
	}
	for kind, shape := range shapes {
		shapes[kind] = object(fields{"type": word(kind), "key": some, "value": shape}, "type", "key")
	}
	return shapes
}()

var step = object(fields{"id": null(uuid), "name": null(str), "stepId": null(str), "runId": null(uuid)})

var meta = object(fields{
	"extraInformation": open(nil),
	"referral": object(fields{"source": str, "title": null(str), "text": null(str), "group": null(str), "metadata": null(object(fields{"source_id": str,
		"source_url": null(str), "media_url": null(str), "tracking_id": null(str)}))}),
	"order": object(fields{"products": list(0, 0, object(fields{"externalCatalogId": str, "externalProductId": str, "quantity": integer,
		"price": object(fields{"amount": integer, "exponent": integer, "currencyCode": str})}))}),
	"referredProduct":   null(object(fields{"externalCatalogId": str, "externalProductId": str})),
	"email":             object(fields{"subject": str, "headers": headers, "from": object(fields{"username": user, "displayName": str})}),
	"pushNotifications": object(fields{"gatewayTypeOverride": word("apns", "firebase", "web")}),
	"navigatorId":       uuid, "navigatorMessageId": uuid, "flow": step, "journey": step,
	"campaign": object(fields{"id": null(uuid), "name": null(str)}),
})

var integer = whole(math.MinInt64, math.MaxInt64)

var actions = null(list(0, 0, tagged(map[string]Shape{
	"link":  open(fields{"link": open(fields{"text": str, "url": linkTarget}, "text", "url")}, "link"),
	"reply": open(fields{"reply": open(fields{"text": str, "imageUrl": str, "metadata": describing}, "text")}, "reply"),
	"postback": open(fields{"postback": open(fields{"text": str, "payload": str, "imageUrl": str, "metadata": describing}, "text")},
		"postback"),
	"locationRequest": open(fields{"locationRequest": null(open(fields{"text": str}))}),
	"buy":             open(fields{"buy": open(fields{"text": str, "amountCents": integer, "currency": text(3, 3)}, "text", "amountCents", "currency")}, "buy"),
})))

var describing = open(fields{"description": object(fields{"label": text(0, 72)})})

// linkTarget is a URL, or a text with variables.
func linkTarget(r *report, path string, v any) {
	if s, ok := v.(string); ok && variablePattern.MatchString(s) {
		return
	}
	address(r, path, v)
}

// media are the fields of images and files that are not those of their own.
var mediaMeta = open(fields{"subject": str, "fallbackText": str, "storyType": str, "telegram": tele})

// kinds are the bodies that stand in sections too.
func kinds() map[string]Shape {
	items := null(list(0, 0, object(fields{"title": str, "mediaUrl": null(address), "description": str, "altText": str, "actions": actions})))
	return map[string]Shape{
		"text": pay("text", object(fields{"text": some, "attachments": null(list(0, 0, object(fields{"mediaUrl": address, "filename": str, "inline": boolean,
			"contentId": str}, "mediaUrl", "filename"))), "actions": actions, "metadata": object(fields{"subject": str, "headers": headers,
			"whatsapp": object(fields{"previewUrl": boolean}), "line": object(fields{"emoji": object(fields{"items": null(list(0, 0, object(fields{
				"index": integer, "productId": str, "emojiId": str, "length": null(integer)}, "index", "productId", "emojiId")))})}),
			"telegram": tele, "apple": object(fields{"summaryText": str})})}, "text")),
		"image": pay("image", object(fields{"text": str, "images": list(1, 0, object(fields{"mediaUrl": address, "altText": str}, "mediaUrl")),
			"metadata": mediaMeta, "actions": actions}, "images")),
		"file": pay("file", object(fields{"text": str, "files": list(1, 0, object(fields{"mediaUrl": address, "contentType": some, "filename": str,
			"altText": str, "metadata": open(fields{"isAnimated": boolean})}, "mediaUrl", "contentType")), "metadata": mediaMeta, "actions": actions}, "files")),
		"gif": pay("gif", object(fields{"text": str, "mediaUrl": address, "altText": str, "actions": actions, "metadata": open(fields{"telegram": tele})},
			"mediaUrl")),
		"location": pay("location", object(fields{"coordinates": object(fields{"latitude": number(-90, 90), "longitude": number(-180, 180)}),
			"location": object(fields{"address": str, "label": str})}, "coordinates")),
		"carousel": pay("carousel", object(fields{"text": text(0, 1024), "items": items}, "items")),
		"list": pay("list", object(fields{"title": str, "text": str, "altText": str, "items": items, "actions": actions,
			"metadata": open(fields{"button": object(fields{"label": text(0, 20)}), "replyMessage": object(fields{"title": text(0, 512), "text": text(0, 512)})})},
			"text")),
	}
}

// section holds bodies: those of a section in it no further section.
func section(inner Shape) Shape {
	return pay("section", object(fields{"items": list(0, 0, inner), "configurations": each(str)}))
}

var body = func() Shape {
	deep, nested, all := kinds(), kinds(), kinds()
	nested["section"] = section(tagged(deep))
	all["section"] = section(tagged(nested))
	all["html"] = pay("html", anyOf(object(fields{"text": some, "html": some, "attachments": null(list(0, 0, inline)), "actions": actions,
		"metadata": object(fields{"subject": str, "emailFrom": object(fields{"username": user, "displayName": str}), "headers": headers,
			"initialOpenTracking": boolean, "clickTracking": boolean, "openTracking": boolean})}), []string{"text"}, []string{"html"}))
	all["authentication"] = pay("authentication", object(fields{"otp": object(fields{"disclaimer": boolean, "expirationTime": null(whole(1, 90)),
		"actions": actions}, "disclaimer")}, "otp"))
	permission := open(fields{"permission_request": open(fields{"resource": word("call")}, "resource")}, "permission_request")
	all["action"], all["permission_request"] = permission, permission
	return tagged(all)
}()

// inline is an attachment that is elsewhere, or has its bytes with it.
var inline = anyOf(object(fields{"mediaUrl": address, "filename": str, "inline": boolean, "content": some, "contentType": some, "contentId": str}),
	[]string{"mediaUrl", "filename"}, []string{"content", "contentType", "filename"})

// anyOf has all fields of one of some sets.
func anyOf(shape Shape, sets ...[]string) Shape {
	return func(r *report, path string, v any) {
		shape(r, path, v)
		o, ok := v.(map[string]any)
		for _, set := range sets {
			all := true
			for _, name := range set {
				_, there := o[name]
				all = all && there
			}
			if all {
				return
			}
		}
		if ok {
			r.refuse(path, "required", "must have all of one of %v", sets)
		}
	}
}

// Presign is the shape of a request for an upload.
var Presign = object(fields{"contentType": text(1, 255)}, "contentType")

// Raw is JSON as it was given.
type Raw = json.RawMessage

package sandbox

import (
	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

// kinds are kinds of parts.
type kinds = []parley.PartKind

// platforms are what a sandbox channel can play: what the real ones carry, what they carry as text, and what they do
// not carry. All of them report reading, whatever the real ones do.
func platforms() []connector.Platform {
	const (
		text, html, image, file, gif, location = parley.PartText, parley.PartHTML, parley.PartImage, parley.PartFile, parley.PartGIF, parley.PartLocation
		carousel, options, section, otp        = parley.PartCarousel, parley.PartOptions, parley.PartSection, parley.PartOTP
		mention                                = parley.PartMention
	)
	buttons := []parley.ActionKind{parley.ActionLink, parley.ActionReply, parley.ActionPostback, parley.ActionLocation}
	suggestions := []parley.ActionKind{parley.ActionLink, parley.ActionReply, parley.ActionPostback, parley.ActionPhone, parley.ActionLocation}
	list := []connector.Platform{
		{Name: "sms", AddressKind: parley.AddressPhone, Thread: parley.ThreadContact, MaxText: 1600, Parts: kinds{text},
			AsText: kinds{html, image, file, gif, location, carousel, options, section, otp, mention}},
		{Name: "whatsapp", AddressKind: parley.AddressPhone, Thread: parley.ThreadContact, MaxText: 4096, Attachments: 10,
			Parts: kinds{text, image, file, location, carousel, options, otp}, AsText: kinds{html, gif, section, mention}, Actions: buttons},
		{Name: "rcs", AddressKind: parley.AddressPhone, Thread: parley.ThreadContact, MaxText: 3072, Attachments: 10,
			Parts: kinds{text, image, file, location, carousel}, AsText: kinds{html, gif, options, section, otp, mention}, Actions: suggestions},
		{Name: "email", AddressKind: parley.AddressEmail, Thread: parley.ThreadEmail, Attachments: 100, Copies: true, Together: true,
			Parts: kinds{text, html, image, file, gif}, AsText: kinds{location, carousel, options, section, otp, mention}},
		{Name: "fax", AddressKind: parley.AddressFax, Thread: parley.ThreadEach, Attachments: 20,
			Parts: kinds{text, html, image, file}, AsText: kinds{location, options, section, mention}},
		{Name: "chat", AddressKind: "chat", Thread: parley.ThreadContact, MaxText: 10_000, Attachments: 100,
			Parts: kinds{text, html, image, file, gif, location, carousel, options, section, otp, mention}, Actions: parley.ActionKinds},
		{Name: "secure", AddressKind: "secure", Thread: parley.ThreadContact, Attachments: 100,
			Parts: kinds{text, html, image, file, gif, location, options, section, mention}, AsText: kinds{carousel, otp}, Actions: suggestions},
	}
	for i := range list {
		list[i].Conversational, list[i].ReadReceipts = true, true
	}
	return list
}

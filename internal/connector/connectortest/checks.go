package connectortest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/parley-server/parley/internal/connector"
	"github.com/parley-server/parley/internal/parley"
)

var codePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// checkError checks that an error says what the core and the operator need.
func checkError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if err.Error() == "" {
		t.Errorf("an error without a text: %#v", err)
	}
	refusal, ok := errors.AsType[*connector.Error](err)
	if !ok {
		return
	}
	checkRefusal(t, refusal)
}

func checkRefusal(t *testing.T, e *connector.Error) {
	t.Helper()
	if e == nil {
		t.Error("an error that is a nil *Error")
		return
	}
	if !codePattern.MatchString(e.Code) {
		t.Errorf("the code %q must be lower-case words with '-' between them", e.Code)
	}
	if strings.TrimSpace(e.Text) == "" {
		t.Errorf("%s: no text for the operator", e.Code)
	}
	if e.RetryAfter < 0 || e.RetryAfter > 0 && !e.Retry {
		t.Errorf("%s: RetryAfter is %v with Retry %v", e.Code, e.RetryAfter, e.Retry)
	}
}

// checkReceipt checks that a receipt has one answer for each recipient, and later ones for them only.
func checkReceipt(t *testing.T, out connector.Outgoing, receipt connector.Receipt) {
	t.Helper()
	want := map[int]bool{}
	for _, recipient := range out.Recipients {
		want[recipient.Delivery] = true
	}
	seen := map[int]bool{}
	for _, result := range receipt.Results {
		if !want[result.Delivery] || seen[result.Delivery] {
			t.Errorf("a result for delivery %d, which was not sent or has one", result.Delivery)
		}
		seen[result.Delivery] = true
		checkResult(t, result)
	}
	if len(seen) != len(want) {
		t.Errorf("%d results for %d recipients", len(seen), len(want))
	}
	for _, later := range receipt.Later {
		if later.After < 0 || !seen[later.Report.Delivery] {
			t.Errorf("a later receipt for delivery %d after %v", later.Report.Delivery, later.After)
		}
		checkReport(t, later.Report)
	}
}

func checkResult(t *testing.T, result connector.Result) {
	t.Helper()
	if result.Err != nil {
		checkRefusal(t, result.Err)
		if result.State != "" || len(result.ProviderIDs) > 0 {
			t.Errorf("delivery %d is refused and has state %q and ids %q", result.Delivery, result.State, result.ProviderIDs)
		}
		return
	}
	if !slices.Contains([]parley.DeliveryState{parley.Sent, parley.Delivered, parley.Read}, result.State) {
		t.Errorf("delivery %d: the state %q must be sent, delivered or read, or there must be an error", result.Delivery, result.State)
	}
	for i, id := range result.ProviderIDs {
		if id == "" || len(id) > 255 || slices.Contains(result.ProviderIDs[:i], id) {
			t.Errorf("delivery %d: provider ids %q must be distinct, of 1 to 255 octets", result.Delivery, result.ProviderIDs)
		}
	}
}

func checkReport(t *testing.T, report connector.Report) {
	t.Helper()
	switch report.State {
	case parley.Sent, parley.Delivered, parley.Read:
	case parley.Failed:
		if !codePattern.MatchString(report.Code) || report.Text == "" {
			t.Errorf("a report of failure with code %q and text %q: it needs both", report.Code, report.Text)
		}
	default:
		t.Errorf("a report cannot say %q", report.State)
	}
}

// checkSecrecy checks that no text of a call shows a secret of the channel or the content of the message.
func checkSecrecy(t *testing.T, def connector.Definition, ch parley.Channel, receipt connector.Receipt, err error) {
	t.Helper()
	texts := []string{fmt.Sprintf("%+v", receipt)}
	for _, result := range receipt.Results {
		if result.Err != nil {
			texts = append(texts, errorTexts(result.Err)...)
		}
	}
	texts = append(texts, errorTexts(err)...)
	hidden := append(def.Secrets(ch.Settings), content)
	for _, text := range texts {
		for _, secret := range hidden {
			if strings.Contains(text, secret) {
				t.Errorf("%q is shown in %q", secret, text)
			}
		}
	}
}

// errorTexts are all texts of an error and of the errors inside it.
func errorTexts(err error) []string {
	var texts []string
	for ; err != nil; err = errors.Unwrap(err) {
		texts = append(texts, err.Error(), fmt.Sprintf("%+v", err))
		switch e := err.(type) {
		case *connector.Error:
			texts = append(texts, e.Text, e.Trace.Request)
		case *connector.LostError:
			texts = append(texts, e.Text, e.Trace.Request)
		}
	}
	return texts
}

func resultOf(receipt connector.Receipt, delivery int) connector.Result {
	for _, result := range receipt.Results {
		if result.Delivery == delivery {
			return result
		}
	}
	return connector.Result{}
}

package pgserver

import (
	"strings"
	"testing"
)

func TestMissingServerIsTold(t *testing.T) {
	_, err := newest([]string{t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("got %v", err)
	}
}

package config

import (
	"reflect"
	"strings"
	"testing"
)

func TestDoorsAreChecked(t *testing.T) {
	for text, good := range map[string]bool{
		"": true, "bird=bird.example.org": true, "bird=bird.example.org, kustomer=127.0.0.1:8081,kustomer=:8082": true, "bird=127.0.0.1:0,spruce=127.0.0.1:0": true,
		"bird": false, "bird=": false, "=bird.example.org": false, "bird=https://bird.example.org": false, "bird=bird.example.org/": false, "bird=a:b": false,
		"bird=a.example.org,spruce=A.example.org": false, "bird=127.0.0.1:8080": false, "bird=bird.example.org,": false,
	} {
		c := Default()
		c.DoorAddresses = text
		if err := c.Validate(); (err == nil) != good || err != nil && !strings.HasPrefix(err.Error(), "door-addresses: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	got := Config{DoorAddresses: "bird=Bird.example.org, kustomer=127.0.0.1:8081,bird=:8082"}.Doors()
	if !reflect.DeepEqual(got, map[string][]string{"bird": {"bird.example.org", ":8082"}, "kustomer": {"127.0.0.1:8081"}}) {
		t.Errorf("%v", got)
	}
}

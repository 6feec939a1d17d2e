package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
)

// option is one field of a configuration, as its tags describe it.
type option struct {
	Name, Default, Group, Help, Enum string
	Secret                           bool
	value                            reflect.Value
}

// env is the option's name in the environment.
func (o option) env() string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(o.Name, "-", "_"))
}

// options are the fields of the struct that config points to, in order.
func options(config any) []option {
	value := reflect.ValueOf(config).Elem()
	list := make([]option, 0, value.NumField())
	for field, at := range value.Fields() {
		_, secret := field.Tag.Lookup("secret")
		list = append(list, option{
			Name:    field.Tag.Get("name"),
			Default: field.Tag.Get("default"),
			Group:   field.Tag.Get("group"),
			Enum:    field.Tag.Get("enum"),
			Help:    strings.ReplaceAll(field.Tag.Get("help"), "${enum}", strings.ReplaceAll(field.Tag.Get("enum"), ",", ", ")),
			Secret:  secret,
			value:   at,
		})
	}
	return list
}

// set gives the option the value that the text says.
func (o option) set(text string) error {
	switch into := o.value.Addr().Interface().(type) {
	case *string:
		*into = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q must be true or false", text)
		}
		*into = b
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q must be a whole number", text)
		}
		*into = n
	case *[]netip.Prefix:
		return setNetworks(into, text)
	case encoding.TextUnmarshaler:
		return into.UnmarshalText([]byte(text))
	default:
		return fmt.Errorf("options of type %s are not supported", o.value.Type())
	}
	return nil
}

func setNetworks(into *[]netip.Prefix, text string) error {
	*into = nil
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		network, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("%q must be a network, such as 10.1.0.0/16", part)
		}
		*into = append(*into, network)
	}
	return nil
}

// text is what set would take.
func (o option) text() string {
	if networks, ok := o.value.Interface().([]netip.Prefix); ok {
		parts := make([]string, len(networks))
		for i, network := range networks {
			parts[i] = network.String()
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(o.value.Interface())
}

// shown is text, unless it is a secret.
func (o option) shown() string {
	if text := o.text(); text == "" || !o.Secret {
		return text
	}
	return "(set)"
}

package api_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/parley-server/parley/api"
)

func ExampleClient_Send() {
	client, err := api.New("http://127.0.0.1:8080", os.Getenv("PARLEY_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	message, err := client.Send(context.Background(), api.SendRequest{
		To:   api.Recipient{Address: "email:ana@example.org"},
		Body: api.Text("Your results are in."),
	})
	if refused, ok := errors.AsType[*api.Error](err); ok && refused.Code == "channel-required" {
		log.Fatal("name a channel: ", refused.Facts["candidates"])
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(message.ID, message.Status)
}

func ExampleClient_StreamEvents() {
	client, err := api.New("http://127.0.0.1:8080", os.Getenv("PARLEY_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	stream := client.StreamEvents(context.Background(), api.EventFilter{After: api.FromLatest})
	for event, err := range stream.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Sequence, event.Type, event.Data.MessageID)
	}
}

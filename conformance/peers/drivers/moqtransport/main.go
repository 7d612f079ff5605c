// Publishes and subscribes with moqtransport (Go), by its public interface alone.
//
// usage: moqtransport publish|subscribe URL --draft N --namespace A/B --track NAME --run RUN
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Eyevinn/moqtransport"
	"github.com/Eyevinn/moqtransport/quicmoq"
	"github.com/Eyevinn/moqtransport/webtransportmoq"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
)

const (
	groups  = 6
	objects = 4
	pause   = 100 * time.Millisecond // between objects
	seconds = 15 * time.Second
)

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
}

// text is what object `index` of the `group`-th group has in every driver (material.py).
func text(run string, group, index int) []byte {
	const filler = "abcdefghijklmnopqrstuvwxyz0123456789"
	out := fmt.Appendf(nil, "%s %d %d ", run, group, index)
	for i := range []int{40, 63, 64, 300, 1200, 5000}[(group+index)%6] {
		out = append(out, filler[(i*7+group*3+index)%len(filler)])
	}
	return out
}

func dial(ctx context.Context, where *url.URL, protocol string) (moqtransport.Connection, error) {
	trust := &tls.Config{InsecureSkipVerify: true}
	if where.Scheme == "https" {
		dialer := webtransport.Dialer{TLSClientConfig: trust, ApplicationProtocols: []string{protocol}}
		_, session, err := dialer.Dial(ctx, where.String(), nil)
		if err != nil {
			return nil, err
		}
		return webtransportmoq.NewClient(session), nil
	}
	trust.NextProtos = []string{protocol}
	conn, err := quic.DialAddr(ctx, where.Host, trust, &quic.Config{EnableDatagrams: true})
	if err != nil {
		return nil, err
	}
	return quicmoq.NewClient(conn), nil
}

// produce publishes all groups to one subscriber and ends the track.
func produce(to *moqtransport.SubscribeResponseWriter, run string) error {
	for group := range groups {
		subgroup, err := to.OpenSubgroup(uint64(group), 0, 128)
		if err != nil {
			return err
		}
		for index := range objects {
			if _, err = subgroup.WriteObject(uint64(index), text(run, group, index)); err != nil {
				return err
			}
			time.Sleep(pause)
		}
		if err = subgroup.Close(); err != nil {
			return err
		}
	}
	return to.CloseWithError(uint64(moqtransport.ErrorCodeSubscribeDoneTrackEnded), "track ended")
}

// show prints objects as material.py does, until the track is over.
func show(ctx context.Context, track *moqtransport.RemoteTrack) error {
	// When the track is done, what was received before comes with one call and "done" with another, at
	// random; so only many in a row are the end.
	for misses := 0; misses < 64; {
		object, err := track.ReadObject(ctx)
		var done moqtransport.ErrSubscribeDone
		if object == nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if misses++; misses == 1 && !errors.As(err, &done) {
				say("read: %v", err)
			}
			continue
		}
		misses = 0
		line, err := json.Marshal(map[string]any{
			"group": object.GroupID, "object": object.ObjectID, "text": string(object.Payload)})
		if err != nil {
			return err
		}
		fmt.Println(string(line))
	}
	return nil
}

func run() error {
	if len(os.Args) < 3 {
		return errors.New("a role and a URL are needed")
	}
	role, address := os.Args[1], os.Args[2]
	flags := flag.NewFlagSet("moqtransport", flag.ContinueOnError)
	draft := flags.Int("draft", 16, "14 or 16")
	namespace := flags.String("namespace", "", "with / between its fields")
	name := flags.String("track", "", "")
	label := flags.String("run", "run", "what the texts of objects begin with")
	if err := flags.Parse(os.Args[3:]); err != nil {
		return err
	}
	where, err := url.Parse(address)
	if err != nil {
		return err
	}
	protocol := map[int]string{14: "moq-00", 16: "moqt-16"}[*draft]
	ctx, cancel := context.WithTimeout(context.Background(), seconds)
	defer cancel()
	conn, err := dial(ctx, where, protocol)
	if err != nil {
		return err
	}
	fields := strings.Split(*namespace, "/")
	over := make(chan error, 1)
	session := &moqtransport.Session{
		InitialMaxRequestID: 100,
		Protocols:           []string{protocol},
		SubscribeHandler: moqtransport.SubscribeHandlerFunc(
			func(w *moqtransport.SubscribeResponseWriter, m *moqtransport.SubscribeMessage) {
				if role != "publish" || !slices.Equal(m.Namespace, fields) || m.Track != *name {
					_ = w.Reject(moqtransport.ErrorCodeSubscribeTrackDoesNotExist, "no such track")
					return
				}
				if err := w.Accept(); err != nil {
					over <- err
					return
				}
				go func() { over <- produce(w, *label) }()
			}),
	}
	if err = session.RunContext(ctx, conn); err != nil {
		return err
	}
	say("connected")
	if role == "subscribe" {
		track, err := session.Subscribe(ctx, fields, *name)
		if err != nil {
			return err
		}
		say("subscribed")
		return show(ctx, track)
	}
	if err = session.Announce(ctx, fields); err != nil {
		return err
	}
	say("published")
	select {
	case err = <-over:
		if err == nil {
			say("produced everything")
			time.Sleep(2 * time.Second)
		}
		return err
	case <-conn.Context().Done():
		return context.Cause(conn.Context())
	case <-ctx.Done():
		return ctx.Err()
	}
}

func main() {
	if err := run(); err != nil {
		say("error: %v", err)
		os.Exit(1)
	}
}

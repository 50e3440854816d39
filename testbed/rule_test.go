package testbed

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"
)

// every is a rule with all its parts, as it is written.
var every = Rule{
	Direction: Backward, Partition: true, Drop: 0.1, Burst: Burst{Enter: 0.2, Leave: 0.3, Loss: 0.4, GoodLoss: 0.5},
	Corrupt: 0.6, Duplicate: 0.7, Reorder: 0.8, Delay: 1500 * time.Microsecond, Jitter: time.Millisecond, Bandwidth: 1000,
	Reset: 0.9, SlowClose: time.Second, Slice: 10, SliceDelay: 2 * time.Millisecond, LimitBytes: 20, LimitTime: time.Minute,
}

const everyJSON = `{"direction":"backward","partition":true,"drop_rate":0.1,"burst":{"enter":0.2,"leave":0.3,"loss":0.4,"good_loss":0.5},` +
	`"corrupt_rate":0.6,"duplicate_rate":0.7,"reorder_rate":0.8,"delay_ms":1.5,"jitter_ms":1,"bandwidth":1000,` +
	`"reset_rate":0.9,"slow_close_ms":1000,"slice":10,"slice_delay_ms":2,"limit_bytes":20,"limit_ms":60000}`

func TestRuleJSON(t *testing.T) {
	for v, i := reflect.ValueOf(every), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("the test lacks %s", v.Type().Field(i).Name)
		}
	}
	got, err := json.Marshal(every)
	check(t, err)
	if string(got) != everyJSON {
		t.Errorf("a rule is written\n%s; want\n%s", got, everyJSON)
	}
	var back Rule
	check(t, json.Unmarshal([]byte(everyJSON), &back))
	if back != every {
		t.Errorf("it is read as\n%+v; want\n%+v", back, every)
	}
	if empty, err := json.Marshal(Rule{}); string(empty) != "{}" || err != nil {
		t.Errorf("the rule that does nothing is written %s, %v", empty, err)
	}
}

func TestBadRules(t *testing.T) {
	for want, rule := range map[string]Rule{
		"drop_rate = 1.5: a rate lies between 0 and 1": {Drop: 1.5},
		"drop_rate = NaN":                                 {Drop: math.NaN()},
		"corrupt_rate = -0.1":                             {Corrupt: -0.1},
		"duplicate_rate = +Inf":                           {Duplicate: math.Inf(1)},
		"reorder_rate = 2":                                {Reorder: 2},
		"reset_rate = 2":                                  {Reset: 2},
		"burst.enter = 2":                                 {Burst: Burst{Enter: 2, Leave: 1, Loss: 1}},
		"burst.leave = -1":                                {Burst: Burst{Enter: 1, Leave: -1, Loss: 1}},
		"burst: loss says how many":                       {Burst: Burst{Enter: 1, Leave: 1}},
		"burst: a burst that is entered and never left":   {Burst: Burst{Enter: 1, Loss: 1}},
		"delay_ms = -1: it cannot be negative":            {Delay: -time.Millisecond},
		"jitter_ms = -1":                                  {Jitter: -time.Millisecond},
		"slow_close_ms = -1":                              {SlowClose: -time.Millisecond},
		"limit_ms = -1":                                   {LimitTime: -time.Millisecond},
		"bandwidth = -1":                                  {Bandwidth: -1},
		"slice = -1":                                      {Slice: -1},
		"limit_bytes = -1":                                {LimitBytes: -1},
		"slice_delay_ms without slice":                    {SliceDelay: 1},
		"direction Direction(9): use both, forward or ba": {Direction: 9},
	} {
		expectError(t, rule.check(0), want)
	}
	expectError(t, (&Rule{Duplicate: 1}).check(TCP), "duplicate_rate and reorder_rate are for UDP")
	expectError(t, (&Rule{Slice: 1}).check(UDP), "slice are for TCP")
	check(t, every.check(0))

	for text, want := range map[string]string{
		`{"delay": 1}`:           `unknown field "delay"`,
		`{"delay_ms": "1"}`:      "delay_ms",
		`{"delay_ms": 1e300}`:    "delay_ms = 1e+300: too long",
		`{"direction": "there"}`: `direction "there": use both, forward or backward`,
		`{"burst": {"lose": 1}}`: `unknown field "lose"`,
		`[]`:                     "cannot unmarshal array",
	} {
		expectError(t, json.Unmarshal([]byte(text), new(Rule)), want)
	}
}

// What is read is written so that it is read again, and no rule that passes the
// checks makes a decision that is none.
func FuzzRule(f *testing.F) {
	f.Add([]byte(everyJSON))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"drop_rate":1e-300,"delay_ms":3e12,"jitter_ms":0.0000001,"bandwidth":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Rule
		if json.Unmarshal(data, &r) != nil {
			return
		}
		if r.check(0) != nil {
			return
		}
		text, err := json.Marshal(r)
		check(t, err)
		var back Rule
		check(t, json.Unmarshal(text, &back))
		if back != r {
			t.Fatalf("%s is read as %+v; want %+v", text, back, r)
		}
		q := sequence{source: newSource(1, overUDP, Forward, 1)}
		for range 100 {
			if f := q.next(&r); f.delay < 0 || f.losses < 0 || resent(f.losses) < 0 {
				t.Fatalf("%s: %+v", text, f)
			}
		}
		if r.Bandwidth > 0 {
			if took := takes(1<<16, r.Bandwidth); took < 0 {
				t.Fatalf("%s: 64 KiB take %v", text, took)
			}
		}
	})
}

// The names of selectors, protocols and directions, as they come from programs.
func FuzzSelector(f *testing.F) {
	f.Add([]byte(`{"from":"sim","to":"fc","port":5001,"proto":"udp"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s Selector
		if json.Unmarshal(data, &s) != nil {
			return
		}
		text, err := json.Marshal(s)
		check(t, err)
		var back Selector
		check(t, json.Unmarshal(text, &back))
		if back != s {
			t.Fatalf("%s is read as %+v; want %+v", text, back, s)
		}
	})
}

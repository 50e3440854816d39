package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/testbed"
	"github.com/rigx-build/rigx/testbed/control"
)

func (a *app) testbedCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "testbed",
		Short: "Run testbeds, look at them, and break their links",
		Long:  "Run a testbed, see the testbeds that run now, and inject faults into their links while they do.",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.testbedPsCommand(), a.testbedFaultCommand(), a.testbedClearCommand(),
		a.testbedPageCommand(), a.testbedRecordCommand(), a.testbedServeCommand(), a.testbedGuardCommand(), a.testbedPlaceCommand())
	return cmd
}

// addTestbedFlags are about the testbeds of scripts and tests.
func (a *app) addTestbedFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&a.testbeds.Page, "page", false, "serve a page that shows its testbeds, and print where")
	f.StringVar(&a.testbeds.Record, "record", "", "record what passes its testbeds in `DIR`: a pcap file for each link, and events.jsonl")
	f.Uint64Var(&a.testbeds.Seed, "seed", 0, "decides what is random in its testbeds: `N`, where they do not say")
}

// testbedServeCommand is what the Python package starts in a script that rigx
// did not.
func (a *app) testbedServeCommand() *cobra.Command {
	var opts control.Options
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve scripts that rigx did not start, until standard input ends",
		Long: "Serve the Python modules rigx.capsule and rigx.testbed. The first line on standard output says where, as JSON: {\"control\": \"…\"}.\n\n" +
			"Everything that the scripts started is taken down when standard input ends.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Notes = a.err
			if self, err := os.Executable(); err == nil {
				opts.Guard, opts.Entry = []string{self, "testbed", "guard"}, []string{self, "testbed", "place"}
			}
			server, err := control.Start(opts)
			if err != nil {
				return err
			}
			line, _ := json.Marshal(map[string]string{"control": server.Path()})
			fmt.Fprintf(a.out, "%s\n", line)
			ended := make(chan struct{})
			go func() {
				_, _ = io.Copy(io.Discard, a.in)
				close(ended)
			}()
			select {
			case <-ended:
			case <-cmd.Context().Done():
			}
			return server.Close()
		},
	}
	cmd.Flags().StringVar(&opts.Record, "record", "", "record what passes in `DIR`: a pcap file for each link, and events.jsonl")
	cmd.Flags().Uint64Var(&opts.Seed, "seed", 0, "decides what is random: `N`, for networks that choose no seed")
	return cmd
}

func (a *app) testbedGuardCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "guard",
		Short:  "Remove capsules that a killed rigx left",
		Hidden: true,
		Args:   cobra.NoArgs,
		Run:    func(*cobra.Command, []string) { capsule.Guard(a.in, a.out) },
	}
}

func (a *app) testbedPlaceCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "place SOCKET",
		Short:  "Open sockets in this network for a rigx outside",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE:   func(_ *cobra.Command, args []string) error { return capsule.ServePlace(args[0]) },
	}
}

// runningTestbeds are the servers that have a network, with their networks.
type runningTestbed struct {
	control.Running
	Networks []control.NetworkState `json:"networks"`
}

func runningTestbeds() ([]runningTestbed, error) {
	servers, err := control.List()
	if err != nil {
		return nil, err
	}
	out := []runningTestbed{}
	for _, s := range servers {
		t := runningTestbed{Running: s}
		if onServer(s, "server.networks", struct{}{}, &t) == nil && len(t.Networks) > 0 {
			out = append(out, t)
		}
	}
	return out, nil
}

func onServer(s control.Running, method string, params, result any) error {
	c, err := control.Dial(s.Socket)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.Call(method, params, result)
}

func (a *app) testbedPsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "Show the testbeds that run now, their links and faults",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			testbeds, err := runningTestbeds()
			if err != nil {
				return err
			}
			if asJSON {
				return a.writeJSON(testbeds)
			}
			if len(testbeds) == 0 {
				fmt.Fprintln(a.out, "no testbed runs")
			}
			for _, t := range testbeds {
				a.showTestbed(t)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

func (a *app) showTestbed(t runningTestbed) {
	name := t.Target
	if name == "" {
		name = "a script"
	}
	fmt.Fprintf(a.out, "%s, process %d, for %s\n", name, t.PID, time.Since(t.Started).Round(time.Second))
	if t.Page != "" {
		fmt.Fprintf(a.out, "  page %s\n", t.Page)
	}
	for _, n := range t.Networks {
		fmt.Fprintf(a.out, "  network %d, seed %d\n", n.Number, n.Seed)
		w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
		for _, l := range n.Links {
			fmt.Fprintf(w, "    %s → %s:%d/%v\t%s\t%d open\t%s →\t← %s\t%s\n", l.From, l.To, l.Port, l.Proto, l.Address, l.Open,
				bytesText(l.Forward.Bytes), bytesText(l.Backward.Bytes), faultsOf(l, n.Faults))
		}
		_ = w.Flush()
	}
}

// faultsOf names the faults that apply to a link.
func faultsOf(l testbed.LinkState, faults []testbed.FaultState) string {
	var out []string
	for _, id := range l.Faults {
		for _, f := range faults {
			if f.ID == id {
				rule, _ := json.Marshal(f.Rule)
				out = append(out, fmt.Sprintf("fault %d %s", id, rule))
			}
		}
	}
	return strings.Join(out, ", ")
}

// testbedFlag chooses among the testbeds that run.
func testbedFlag(cmd *cobra.Command, name *string) {
	cmd.Flags().StringVar(name, "testbed", "", "only in the testbed of this `TARGET` or process")
}

// onTestbeds calls a method on the testbeds chosen, and succeeds if one did
// what was asked.
func onTestbeds(chosen, method string, params any) error {
	testbeds, err := runningTestbeds()
	if err != nil {
		return err
	}
	var refused error
	done := 0
	for _, t := range testbeds {
		if !t.named(chosen) {
			continue
		}
		if err := onServer(t.Running, method, params, nil); err != nil {
			refused = err
		} else {
			done++
		}
	}
	switch {
	case done > 0:
		return nil
	case refused != nil:
		return refused
	}
	return noTestbed(chosen)
}

func (a *app) testbedFaultCommand() *cobra.Command {
	var (
		rule          ruleFlags
		chosen, proto string
		direction     string
		port          uint16
		at, lasting   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "fault SRC DST",
		Short: "Inject a fault into the links from one node to another",
		Long: "Inject a fault into the links from SRC to DST of the testbeds that run now. It lasts until `rigx testbed clear`, or as long as --for says.\n\n" +
			"For example, for ten seconds half of the datagrams are lost:\n\n  rigx testbed fault sim fc --drop-rate 0.5 --for 10s",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{errors.New("name two nodes: rigx testbed fault SRC DST --drop-rate 0.5")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := rule.rule(cmd)
			if err != nil {
				return usageError{err}
			}
			params := map[string]any{
				"src": args[0], "dst": args[1], "proto": proto, "direction": direction, "rule": r,
				"at": at.Seconds(), "duration": lasting.Seconds(),
			}
			if port != 0 {
				params["port"] = port
			}
			return onTestbeds(chosen, "server.fault", params)
		},
	}
	rule.add(cmd)
	f := cmd.Flags()
	f.StringVar(&proto, "proto", "", "only links of this protocol: `tcp or udp`")
	f.Uint16Var(&port, "port", 0, "only links to port `N`")
	f.StringVar(&direction, "direction", "both", "only what flows `forward`, or the replies: backward")
	f.DurationVar(&at, "at", 0, "begin after this `TIME`, such as 5s")
	f.DurationVar(&lasting, "for", 0, "end after this `TIME`, such as 10s")
	testbedFlag(cmd, &chosen)
	return cmd
}

// theTestbed is the one that is chosen, or the only one that runs.
func theTestbed(chosen string) (runningTestbed, error) {
	testbeds, err := runningTestbeds()
	if err != nil {
		return runningTestbed{}, err
	}
	var found []runningTestbed
	for _, t := range testbeds {
		if t.named(chosen) {
			found = append(found, t)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return runningTestbed{}, fmt.Errorf("%d testbeds run: choose one with --testbed, by its target or process; see `rigx testbed ps`", len(found))
	}
	return runningTestbed{}, noTestbed(chosen)
}

func (t *runningTestbed) named(chosen string) bool {
	return chosen == "" || chosen == t.Target || chosen == fmt.Sprint(t.PID)
}

func noTestbed(chosen string) error {
	if chosen != "" {
		return fmt.Errorf("no testbed %s runs; see `rigx testbed ps`", chosen)
	}
	return errors.New("no testbed runs")
}

func (a *app) testbedPageCommand() *cobra.Command {
	var chosen string
	cmd := &cobra.Command{
		Use:   "page",
		Short: "Print where the page of a running testbed is",
		Long: "Serve a page that shows the topology of a running testbed, what passes its links, and when faults were injected, with switches for them, and print its address.\n\n" +
			"The page is for this user on this machine: its address has a token.",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			t, err := theTestbed(chosen)
			if err != nil {
				return err
			}
			var served struct{ Page string }
			if err := onServer(t.Running, "server.page", struct{}{}, &served); err != nil {
				return err
			}
			fmt.Fprintln(a.out, served.Page)
			return nil
		},
	}
	testbedFlag(cmd, &chosen)
	return cmd
}

func (a *app) testbedRecordCommand() *cobra.Command {
	var chosen string
	cmd := &cobra.Command{
		Use:   "record DIR [SRC [DST]]",
		Short: "Record what passes a running testbed",
		Long: "Record what passes the links from SRC to DST, or all links, from now on in DIR: a pcap file for each link, which Wireshark and tshark read, and events.jsonl, with a line for each event since the beginning.\n\n" +
			"It ends with Ctrl-C, or with the testbed.",
		Args: cobra.RangeArgs(1, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := theTestbed(chosen)
			if err != nil {
				return err
			}
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			params := linkParams(args[1:])
			params["dir"] = dir
			c, err := control.Dial(t.Socket)
			if err != nil {
				return err
			}
			defer func() { _ = c.Close() }()
			if !a.quiet {
				fmt.Fprintf(a.err, "[rigx] recording into %s; Ctrl-C ends it\n", dir)
			}
			a.lasting = true
			var recorded struct{ Files []string }
			if err := c.Follow(cmd.Context(), "server.record", params, &recorded); err != nil {
				return err
			}
			for _, f := range recorded.Files {
				fmt.Fprintln(a.out, f)
			}
			return nil
		},
	}
	testbedFlag(cmd, &chosen)
	return cmd
}

// linkParams are the parameters for [SRC [DST]].
func linkParams(args []string) map[string]any {
	params := map[string]any{}
	for i, name := range []string{"src", "dst"} {
		if i < len(args) {
			params[name] = args[i]
		}
	}
	return params
}

func (a *app) testbedClearCommand() *cobra.Command {
	var chosen string
	var number int
	cmd := &cobra.Command{
		Use:   "clear [SRC [DST]]",
		Short: "End faults, whoever injected them",
		Long:  "End all faults of the testbeds that run now, those of the links from SRC to DST, or the one with a number.",
		Args:  cobra.MaximumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			params := linkParams(args)
			params["fault"] = number
			return onTestbeds(chosen, "server.clear", params)
		},
	}
	cmd.Flags().IntVar(&number, "fault", 0, "only fault `N`; see rigx testbed ps")
	testbedFlag(cmd, &chosen)
	return cmd
}

// ruleFlags are the flags of a fault: the names of the rule's fields with
// hyphens.
type ruleFlags map[string]*float64

// ruleFlag is a number in a rule.
var ruleFlagTable = []struct{ name, usage string }{
	{"drop-rate", "lose this share of datagrams; pieces of a TCP stream are late: `RATE` from 0 to 1"},
	{"delay-ms", "everything is later by `N` milliseconds"},
	{"jitter-ms", "vary the delay by up to `N` milliseconds"},
	{"corrupt-rate", "change a byte in this share: `RATE`"},
	{"duplicate-rate", "this share of datagrams arrives twice: `RATE`"},
	{"reorder-rate", "this share of datagrams is overtaken by the next: `RATE`"},
	{"bandwidth", "let `N` bytes pass per second"},
	{"reset-rate", "the chance, at each piece, that a TCP connection is reset: `RATE`"},
	{"slow-close-ms", "the end of a TCP connection is later by `N` milliseconds"},
	{"slice", "cut TCP data into pieces of `N` bytes"},
	{"slice-delay-ms", "the time between those pieces, `N` milliseconds"},
	{"limit-bytes", "end a TCP connection after `N` bytes"},
	{"limit-ms", "end a TCP connection after `N` milliseconds"},
	{"burst.enter", "loss in bursts: the chance, at each datagram, that a burst begins: `RATE`"},
	{"burst.leave", "the chance, at each datagram, that a burst ends: `RATE`"},
	{"burst.loss", "lose this share in a burst: `RATE`"},
	{"burst.good-loss", "lose this share between bursts: `RATE`"},
}

func (r *ruleFlags) add(cmd *cobra.Command) {
	*r = ruleFlags{}
	for _, f := range ruleFlagTable {
		(*r)[f.name] = cmd.Flags().Float64(f.name, 0, f.usage)
	}
	cmd.Flags().Bool("partition", false, "let nothing pass")
}

// rule is made of the flags that were given.
func (r ruleFlags) rule(cmd *cobra.Command) (testbed.Rule, error) {
	fields := map[string]any{}
	burst := map[string]any{}
	for name, value := range r {
		if !cmd.Flags().Changed(name) {
			continue
		}
		field := strings.ReplaceAll(name, "-", "_")
		if inner, ok := strings.CutPrefix(field, "burst."); ok {
			burst[inner] = *value
			fields["burst"] = burst
		} else {
			fields[field] = *value
		}
	}
	if on, _ := cmd.Flags().GetBool("partition"); on {
		fields["partition"] = true
	}
	var out testbed.Rule
	if len(fields) == 0 {
		return out, errors.New("say what goes wrong, for example --drop-rate 0.5 or --delay-ms 100")
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(data, &out)
}

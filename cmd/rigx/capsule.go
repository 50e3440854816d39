package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rigx-build/rigx/capsule"
	"github.com/rigx-build/rigx/engine"
	"github.com/rigx-build/rigx/engine/manifest"
	"github.com/rigx-build/rigx/engine/manifest/schema"
)

func (a *app) capsuleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "capsule",
		Short: "Start capsules, look at them, run commands in them, stop them",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.capsuleStartCommand(), a.capsuleStopCommand(), a.capsulePsCommand(), a.capsuleLogsCommand(), a.capsuleExecCommand(), a.capsuleWaitCommand())
	return cmd
}

// capsuleStart is what `rigx capsule start` was told.
type capsuleStart struct {
	name                string
	publish, publishUDP []string
	env, volumes        []string
	network, user       string
	wait                string
	timeout             time.Duration
	foreground, noBuild bool
}

func (a *app) capsuleStartCommand() *cobra.Command {
	var s capsuleStart
	cmd := &cobra.Command{
		Use:   "start NAME",
		Short: "Build a capsule and start it",
		Long: "Build a capsule and start it in the background. It runs until it ends by itself or `rigx capsule stop NAME`.\n\n" +
			"Unless --publish says otherwise, each of its ports is published on 127.0.0.1 with its own number.",
		Args: oneName,
		RunE: func(cmd *cobra.Command, args []string) error { return a.startCapsule(cmd.Context(), args[0], s) },
	}
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "call the container `NAME`, to start several")
	f.StringArrayVarP(&s.publish, "publish", "p", nil, "publish a TCP port: `[ADDR:]HOST:PORT`; HOST 0 takes a free one")
	f.StringArrayVar(&s.publishUDP, "publish-udp", nil, "publish a UDP port: `[ADDR:]HOST:PORT`")
	f.StringArrayVarP(&s.env, "env", "e", nil, "set an environment variable: `K=V`, or K to pass on one's own")
	f.StringArrayVar(&s.volumes, "volume", nil, "mount a directory: `HOST:CONTAINER[:ro]`")
	f.StringVar(&s.network, "network", "", "join a `NETWORK` of docker or podman")
	f.StringVar(&s.user, "user", "", "run as `USER[:GROUP]`")
	f.StringVar(&s.wait, "wait", "", "wait until it is ready: a `PORT`, or health; without a value health, or else all ports")
	f.Lookup("wait").NoOptDefVal = "health"
	f.DurationVar(&s.timeout, "timeout", time.Minute, "wait that long (`TIME`, such as 90s)")
	f.BoolVar(&s.foreground, "foreground", false, "show what it prints, and stop it with Ctrl-C")
	f.BoolVar(&s.noBuild, "no-build", false, "start what was built last")
	cmd.ValidArgsFunction = a.targetNames(1, func(t *manifest.Target) bool { return t.Kind == schema.Capsule })
	_ = cmd.RegisterFlagCompletionFunc("wait", cobra.FixedCompletions([]cobra.Completion{"health"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) startCapsule(ctx context.Context, name string, s capsuleStart) error {
	opts, err := s.options()
	if err != nil {
		return usageError{err}
	}
	waitFor, err := s.waitFor()
	if err != nil {
		return usageError{err}
	}
	ws, err := a.open(ctx)
	if err != nil {
		return err
	}
	u, err := ws.CapsuleUnit(name)
	if err != nil {
		return err
	}
	if !s.noBuild {
		_, results, err := a.build(ctx, []string{u.Name()}, buildOptions{})
		if err != nil {
			return err
		}
		if results[0].Err != nil {
			return a.built(results, false)
		}
	}
	opts.Awaited = s.wait != ""
	var c *capsule.Capsule
	if s.foreground {
		// Whatever happens to rigx, the capsule ends with it.
		self, err := os.Executable()
		if err != nil {
			return err
		}
		opts.Session = capsule.NewSession(self, "testbed", "guard")
		defer func() {
			if err := opts.Session.Close(); err != nil {
				a.report(engine.CapsuleError(err))
			}
			if c != nil {
				ws.CapsuleStopped(c.Name)
			}
		}()
	}
	if c, err = ws.StartCapsule(ctx, u, opts); err != nil {
		return err
	}
	if err := waitFor(ctx, c); err != nil {
		// A start that fails leaves nothing.
		_ = c.Stop(context.WithoutCancel(ctx))
		ws.CapsuleStopped(c.Name)
		return engine.CapsuleError(err)
	}
	if err := a.started(ctx, c); err != nil || !s.foreground {
		return err
	}
	if err := c.Logs(ctx, a.out, true); err != nil {
		return engine.CapsuleError(err)
	}
	status, err := c.Wait(ctx)
	return statusOr(status, engine.CapsuleError(err))
}

// started says that a capsule runs, and where.
func (a *app) started(ctx context.Context, c *capsule.Capsule) error {
	state, err := c.State(ctx)
	if err != nil {
		return engine.CapsuleError(err)
	}
	if a.quiet {
		return nil
	}
	if !state.Running {
		fmt.Fprintf(a.err, "[rigx] %s has ended with status %d; `rigx capsule logs %s` shows what it wrote\n", c.Name, state.Status, c.Name)
		return nil
	}
	fmt.Fprintf(a.err, "[rigx] %s runs\n", c.Name)
	for _, line := range ports(state.Publish, "") {
		fmt.Fprintf(a.out, "%s\n", line)
	}
	for _, line := range ports(state.PublishUDP, "/udp") {
		fmt.Fprintf(a.out, "%s\n", line)
	}
	return nil
}

// ports writes `5000 -> 127.0.0.1:5050`.
func ports(published map[uint16][]netip.AddrPort, suffix string) []string {
	var out []string
	for _, port := range slices.Sorted(maps.Keys(published)) {
		for _, at := range published[port] {
			out = append(out, fmt.Sprintf("%d%s -> %s", port, suffix, at))
		}
	}
	return out
}

// options reads what the flags say.
func (s capsuleStart) options() (capsule.Options, error) {
	opts := capsule.Options{Name: s.name, Network: s.network, User: s.user, Env: map[string]string{}}
	var err error
	if opts.Publish, err = published("--publish", s.publish); err != nil {
		return opts, err
	}
	if opts.PublishUDP, err = published("--publish-udp", s.publishUDP); err != nil {
		return opts, err
	}
	for _, kv := range s.env {
		name, value, given := strings.Cut(kv, "=")
		if !given {
			if value, given = os.LookupEnv(name); !given {
				return opts, fmt.Errorf("--env %s: there is no such variable to pass on; write %s=VALUE", name, name)
			}
		}
		opts.Env[name] = value
	}
	for _, text := range s.volumes {
		parts := strings.Split(text, ":")
		if len(parts) < 2 || len(parts) > 3 {
			return opts, fmt.Errorf("--volume %s: write HOST:CONTAINER or HOST:CONTAINER:ro", text)
		}
		v := capsule.Volume{Host: parts[0], Container: parts[1]}
		if len(parts) == 3 {
			v.Mode = parts[2]
		}
		opts.Volumes = append(opts.Volumes, v)
	}
	return opts, nil
}

// published reads [ADDR:]HOST:PORT.
func published(flag string, values []string) (map[uint16][]netip.AddrPort, error) {
	if values == nil {
		return nil, nil
	}
	out := map[uint16][]netip.AddrPort{}
	for _, text := range values {
		bad := fmt.Errorf("%s %s: write HOST:PORT or ADDR:HOST:PORT, with ports up to 65535", flag, text)
		i := strings.LastIndexByte(text, ':')
		if i < 0 {
			return nil, bad
		}
		port, err := strconv.ParseUint(text[i+1:], 10, 16)
		if err != nil || port == 0 {
			return nil, bad
		}
		at := text[:i]
		if !strings.Contains(at, ":") {
			at = "127.0.0.1:" + at
		}
		end, err := netip.ParseAddrPort(at)
		if err != nil {
			return nil, bad
		}
		out[uint16(port)] = append(out[uint16(port)], end)
	}
	return out, nil
}

// waitFor is what --wait asks to wait for.
func (s capsuleStart) waitFor() (func(context.Context, *capsule.Capsule) error, error) {
	var ready func(context.Context, *capsule.Capsule) error
	switch s.wait {
	case "":
		return func(context.Context, *capsule.Capsule) error { return nil }, nil
	case "health":
		ready = func(ctx context.Context, c *capsule.Capsule) error { return c.WaitHealthy(ctx) }
	default:
		port, err := strconv.ParseUint(s.wait, 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("--wait=%s: wait for a port, or for health", s.wait)
		}
		ready = func(ctx context.Context, c *capsule.Capsule) error { return c.WaitForPort(ctx, uint16(port)) }
	}
	return func(ctx context.Context, c *capsule.Capsule) error {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		return ready(ctx, c)
	}, nil
}

// oneName wants the name of a capsule and nothing else.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("name one capsule: rigx capsule %s NAME", cmd.Name())}
	}
	return nil
}

// findCapsule finds a capsule that was started. Outside of a project the names
// of containers do.
func (a *app) findCapsule(ctx context.Context, name string) (*capsule.Capsule, error) {
	root, _ := engine.FindRoot(a.dir)
	if ws, err := a.open(ctx); err == nil {
		if u, err := ws.CapsuleUnit(name); err == nil {
			name = u.Attr()
		}
	}
	c, err := capsule.Find(ctx, root, name)
	return c, engine.CapsuleError(err)
}

func (a *app) capsuleStopCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "stop NAME… | --all",
		Short: "Stop capsules and remove what is left of them",
		Long:  "Stop capsules: they are asked to end, and killed after ten seconds. What has ended already is removed, with its log.",
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usageError{errors.New("name the capsules to stop, or say --all")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stopCapsules(cmd.Context(), args, all)
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "stop all capsules of the project")
	cmd.ValidArgsFunction = a.startedNames(many)
	return cmd
}

func (a *app) stopCapsules(ctx context.Context, names []string, all bool) error {
	var stop []*capsule.Capsule
	var errs []error
	ws, err := a.open(ctx)
	inProject := err == nil // the names of containers do without one
	if all {
		if err != nil {
			return err
		}
		own, err := ws.Capsules(ctx)
		if err != nil {
			return err
		}
		for _, s := range own {
			stop = append(stop, s.Capsule())
		}
	}
	for _, name := range names {
		c, err := a.findCapsule(ctx, name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		stop = append(stop, c)
	}
	stopped := make([]error, len(stop))
	var wg sync.WaitGroup
	for i, c := range stop {
		wg.Go(func() { stopped[i] = engine.CapsuleError(c.Stop(ctx)) })
	}
	wg.Wait()
	for i, c := range stop {
		if stopped[i] != nil {
			errs = append(errs, stopped[i])
			continue
		}
		if inProject {
			ws.CapsuleStopped(c.Name)
		}
		if !a.quiet {
			fmt.Fprintf(a.err, "[rigx] %s stopped\n", c.Name)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	for _, err := range errs[1:] {
		a.report(err)
	}
	return errs[0] // reported by the caller
}

func (a *app) capsulePsCommand() *cobra.Command {
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "Show the capsules that were started",
		Long:  "Show the capsules of the project that were started and not stopped, by whatever program, and where their ports are.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := a.capsules(cmd.Context(), all)
			if err != nil {
				return err
			}
			if asJSON {
				if found == nil {
					found = []capsule.Status{}
				}
				return a.writeJSON(found)
			}
			a.showCapsules(found, all)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	cmd.Flags().BoolVarP(&all, "all", "a", false, "of all projects")
	return cmd
}

func (a *app) capsules(ctx context.Context, all bool) ([]capsule.Status, error) {
	if all {
		found, err := capsule.List(ctx)
		return found, engine.CapsuleError(err)
	}
	ws, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	return ws.Capsules(ctx)
}

func (a *app) showCapsules(found []capsule.Status, all bool) {
	if len(found) == 0 {
		fmt.Fprintln(a.out, "no capsule was started")
		return
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprint(w, "NAME\tTARGET\tBACKEND\tSTATE\tPORTS")
	if all {
		fmt.Fprint(w, "\tPROJECT")
	}
	fmt.Fprintln(w)
	for _, s := range found {
		state := fmt.Sprintf("ended (%d)", s.Status)
		switch {
		case s.Running:
			state = "runs " + time.Since(s.Started).Round(time.Second).String()
		case s.Status < 0:
			state = "ended"
		}
		where := strings.Join(append(ports(s.Publish, ""), ports(s.PublishUDP, "/udp")...), ", ")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s", s.Name, s.Target, s.Backend, state, where)
		if all {
			fmt.Fprintf(w, "\t%s", s.Project)
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

func (a *app) capsuleLogsCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs NAME",
		Short: "Show what a capsule has printed",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.findCapsule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return engine.CapsuleError(c.Logs(cmd.Context(), a.out, follow))
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until it ends")
	cmd.ValidArgsFunction = a.startedNames(1)
	return cmd
}

func (a *app) capsuleExecCommand() *cobra.Command {
	var req capsule.ExecRequest
	cmd := &cobra.Command{
		Use:   "exec NAME -- COMMAND…",
		Short: "Run a command inside a capsule",
		Long:  "Run a command inside a capsule, with this command's input and output. The exit status is the command's.",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.ArgsLenAtDash() != 1 || len(args) < 2 {
				return usageError{errors.New("name a capsule, and the command behind --: rigx capsule exec NAME -- COMMAND…")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.findCapsule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			req.Args = args[1:]
			req.Stdin, req.Stdout, req.Stderr = a.in, a.out, a.err
			in, _ := a.in.(*os.File)
			req.TTY = in != nil && isTerminal(in) && isTerminal(a.out)
			status, err := c.Exec(cmd.Context(), req)
			return statusOr(status, engine.CapsuleError(err))
		},
	}
	cmd.Flags().StringArrayVarP(&req.Env, "env", "e", nil, "set an environment variable: `K=V`")
	cmd.Flags().StringVarP(&req.Dir, "workdir", "w", "", "in this `DIR` of the capsule")
	cmd.Flags().StringVarP(&req.User, "user", "u", "", "as `USER[:GROUP]`")
	cmd.ValidArgsFunction = a.startedNames(1)
	return cmd
}

func (a *app) capsuleWaitCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait NAME",
		Short: "Wait until a capsule ends; the exit status is its own",
		Args:  oneName,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.findCapsule(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			status, err := c.Wait(cmd.Context())
			if err == nil && status < 0 {
				return fmt.Errorf("%s has ended, and its exit status is lost", c.Name)
			}
			return statusOr(status, engine.CapsuleError(err))
		},
	}
	cmd.ValidArgsFunction = a.startedNames(1)
	return cmd
}

// startedNames completes the names of capsules that were started.
func (a *app) startedNames(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, err := a.capsules(cmd.Context(), false)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		count := map[string]int{}
		for _, s := range found {
			count[s.Target]++
		}
		var out []cobra.Completion
		for _, s := range found {
			for _, name := range []string{s.Target, s.Name} {
				if name == s.Target && count[name] > 1 || !strings.HasPrefix(name, typed) || slices.Contains(args, name) {
					continue
				}
				out = append(out, cobra.CompletionWithDesc(name, string(s.Backend)))
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// Package capsule starts and drives capsules: the containers and virtual
// machines that `rigx build` leaves below output/.
//
//	image, err := capsule.Open("output/greeter")
//	…
//	greeter, err := image.Start(ctx, capsule.Options{
//		Publish: map[uint16][]netip.AddrPort{5000: {netip.MustParseAddrPort("127.0.0.1:5050")}},
//	})
//	…
//	defer greeter.Stop(ctx)
//	if err := greeter.WaitForPort(ctx, 5000); err != nil {
//		return err // with the last lines of its log, if it died
//	}
//	// … talk to 127.0.0.1:5050
//
// A capsule is started by the runner that lies in its directory
// (bin/run-<name>), which obeys the RIGX_* variables of the manual; [Options]
// become those variables. What runs is then driven with docker or podman,
// whichever answers, or as a process, if it is a virtual machine.
//
// Capsules outlive the program that started them and are found again by
// [List] and [Find]. What must not outlive it is started in a [Session]: that
// stops its capsules when it is closed, and has a guard process do so when the
// program is killed.
//
// All errors with something to do about them are of type [Error].
package capsule

//go:build !linux

package source

// list lists a directory of the disk, its entries by name. None is remembered.
func (l *Listings) list(dir string) ([]entry, error) {
	entries, err := list(Disk(), dir)
	sortEntries(entries)
	return entries, err
}

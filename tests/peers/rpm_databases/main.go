// Lists the packages of databases of RPM as go-rpmdb reads them, a line each.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"

	rpmdb "github.com/knqyf263/go-rpmdb/pkg"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for _, path := range os.Args[1:] {
		db, err := rpmdb.Open(path)
		if err != nil {
			log.Fatalln(path, err)
		}
		packages, err := db.ListPackages()
		if err != nil {
			log.Fatalln(path, err)
		}
		for _, one := range packages {
			epoch := 0
			if one.Epoch != nil {
				epoch = *one.Epoch
			}
			fmt.Fprintf(out, "%s\t%s\t%d\t%s\t%s\t%s\t%s\n", path, one.Name, epoch, one.Version, one.Release, one.Arch, one.SourceRpm)
		}
	}
}

package SessionCrypto::Preload;

# Libraries of t/faults that change what a server sees of its host, compiled for LD_PRELOAD.
#
#   my $libraries = preload($dir, qw(clock haste));    # into a directory
#   {
#       local $ENV{LD_PRELOAD} = $libraries;
#       local $ENV{SESSION_CRYPTO_CLOCK} = $httpd->write_file('clock', 3600);    # see clock.c
#       $httpd->start;
#   }

use strict;
use warnings;

use Exporter qw(import);
use FindBin  ();

use SessionCrypto::System qw(run);

our @EXPORT_OK = qw(preload);

sub preload {
    my ($dir, @names) = @_;
    my @libraries;
    for my $name (@names) {
        my $library = "$dir/$name.so";
        run($ENV{CC} // 'cc', '-Wall', '-shared', '-fPIC', '-o', $library, "$FindBin::Bin/faults/$name.c");
        chmod 0755, $library or die "$library: $!\n";
        push @libraries, $library;
    }
    return "@libraries";
}

1;

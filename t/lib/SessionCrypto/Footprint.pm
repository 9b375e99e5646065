package SessionCrypto::Footprint;

# Memory, descriptors and mappings that processes hold.
#
#   memory($pid)         # bytes that the process has for itself
#   holdings($pid)       # a hash: what its descriptors are, sorted; the number and the bytes of
#                        # its shared mappings; the number of its segments of System V
#   session_of($pid)     # the processes of its session of the kernel: a hash of states
#   slope(\@x, \@y)      # the median of the slopes between all points

use strict;
use warnings;

use Exporter   qw(import);
use List::Util qw(sum);

use SessionCrypto::System qw(read_file);

our @EXPORT_OK = qw(holdings memory session_of slope);

# Anonymous memory alone: pages of files come and go with the system's cache, and those that
# are shared are among the holdings.
sub memory {
    my ($pid) = @_;
    my ($kib) = read_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m or die "$pid has no RssAnon\n";
    return $kib * 1024;
}

sub holdings {
    my ($pid) = @_;
    # Sockets and pipes without their numbers.
    my @descriptors = sort map { (readlink // ()) =~ s/\[\d+\]//r } glob "/proc/$pid/fd/*";
    no warnings 'portable';
    my @shared = map { /^(\w+)-(\w+) \S{3}s / ? hex($2) - hex $1 : () } split /\n/, read_file("/proc/$pid/maps");
    # The columns: key, shmid, perms, size, cpid, the process that made the segment.
    my @segments = grep { (split)[4] eq $pid } split /\n/, read_file('/proc/sysvipc/shm');
    return { descriptors => \@descriptors, mappings => scalar @shared, bytes => sum(0, @shared), segments => scalar @segments };
}

sub session_of {
    my ($leader) = @_;
    my %state;
    for my $path (glob '/proc/[0-9]*/stat') {
        open my $file, '<', $path or next;
        my ($pid, $state, $session) = (<$file> // '') =~ /^(\d+) \(.*\) (\w) \d+ \d+ (\d+)/ or next;
        $state{$pid} = $state if $session == $leader;
    }
    return \%state;
}

# Half of all pairs of points rise more, and half less (Theil and Sen): a peak changes nothing.
sub slope {
    my ($x, $y) = @_;
    my @slopes;
    for my $i (0 .. $#$x) {
        push @slopes, map { ($y->[$_] - $y->[$i]) / ($x->[$_] - $x->[$i]) } grep { $x->[$_] != $x->[$i] } $i + 1 .. $#$x;
    }
    @slopes or die "no slope of one point\n";
    return (sort { $a <=> $b } @slopes)[@slopes / 2];
}

1;

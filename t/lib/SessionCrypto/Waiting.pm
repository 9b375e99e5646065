package SessionCrypto::Waiting;

# Waiting for an event, with a limit. t/run has PATIENCE, by which each limit is longer.

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(PATIENCE wait_until);

use constant INTERVAL => 0.02;
use constant PATIENCE => $ENV{PATIENCE} // 1;

# Waits until a condition holds, and returns whether it does within so many seconds.
sub wait_until {
    my ($condition, $seconds) = @_;
    my $deadline = time + $seconds * PATIENCE;
    until ($condition->()) {
        return 0 if time > $deadline;
        sleep INTERVAL;
    }
    return 1;
}

1;

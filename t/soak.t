# Requests of all kinds for a long time, beside graceful restarts, changes of a key file, and
# the deaths of children, of the agent and of the store. No request fails, each answer is right,
# memory and descriptors stay what they were, the counters have what the clients did, and
# nothing is left behind.
#
# SESSION_CRYPTO_FULL=1 asks a million times, with 200 graceful restarts and 100 dead children.

use strict;
use warnings;

use IO::Socket::INET ();
use JSON::PP    ();
use List::Util  qw(sum);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Clients    qw(start_client stop_client);
use SessionCrypto::Footprint  qw(holdings memory session_of slope);
use SessionCrypto::SoakSite   qw(WORKERS);
use SessionCrypto::SoakVisits qw(large_requests);
use SessionCrypto::Store      ();
use SessionCrypto::System     qw(write_file);
use SessionCrypto::Waiting    qw(wait_until);

use constant FULL => $ENV{SESSION_CRYPTO_FULL} ? 1 : 0;
# Requests of each part, and how often something happens beside them.
use constant {
    WARM_UP  => FULL ? 60_000  : 8_000,
    STEADY   => FULL ? 360_000 : 8_000,
    RESTARTS => FULL ? 400_000 : 5_000,
    DEATHS   => FULL ? 180_000 : 3_000,
};
use constant { SAMPLES => FULL ? 200 : 20, RESTART => FULL ? 190 : 16, DEATH => FULL ? 100 : 10 };
# A tenth of the deaths has a restart at the same time.
use constant RESTART_BESIDE => 10;
use constant { CLIENTS => 4, SECONDS => 60 };
# A client says how far it is once in so many requests.
use constant STEP => 20;
# The first restarts fill the pools and tables of httpd and OpenSSL.
use constant FIRST_RESTARTS => FULL ? 30 : 4;
# Bytes by which memory may grow: that of all children together, of the agent and of the parent
# for a request, and that of the parent for a restart.
use constant { OF_CHILDREN => FULL ? 4 : 80, OF_ONE => FULL ? 1 : 20, FOR_A_RESTART => FULL ? 2048 : 8192 };

my $store = SessionCrypto::Store->new;
my $site  = SessionCrypto::SoakSite->new($store);
my $httpd = $site->httpd;
my $pid   = $httpd->pid;
my $progress = $httpd->dir . '/progress';
# The work of all clients, by the words of SoakVisits::lines.
my %sum = (requests => 0, done => {}, perhaps => {}, kinds => {}, again => {});
my ($began, $restarts, $rotations, %seen) = (time, 0, 0);
my $at_start = holdings($pid);

expect_lines();
reach_all_workers();
part('warm-up', WARM_UP);
is_steady();
is_restarted();
is_killed();
leaves_nothing();
done_testing;

sub expect_lines {
    $store->expect_in($httpd->log);
    $httpd->log->expect($_, 'what the test does') for
        qr/:info\] .*SC01\d\d: session refused, the request goes on with an empty one/,
        qr/:info\] .*SC013\d: session ended, the request goes on with an empty one/,
        qr/:info\] .*SC0221: the sessions of a user are ended/,
        qr/:info\] .*SC0821: session refused/,
        qr/:warn\] .*SC0251: browsers may drop the cookie/,
        qr/:error\] .*SC0212: session not sealed, and not saved: the session is larger than/,
        qr/AH01820: error while encoding the session, session not saved: \/classic$/,
        qr/SC06(?:0[234]|13): .*(?:news of ended sessions|agent of SessionCryptoRevocation)/,
        qr/AH00052: child pid \d+ exit signal Killed/,
        # Children of former configurations take all places for a while.
        qr/AH00484|AH00161|AH00159|AH00488|AH03490|AH10159|AH10392/,
        qr/SC054[13]: \S+set has changed/;
    return;
}

# The largest requests, to all workers at once: what httpd keeps of their memory for the next
# ones is there from the start. Each is kept waiting for its end until all have it.
sub reach_all_workers {
    for (large_requests()) {
        my ($text, $count) = @$_;
        my ($beginning, $end) = $text =~ /\A(.*)(\r\n)\z/s;
        my @sockets = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $httpd->port) // die "connect: $!\n" } 1 .. WORKERS;
        for my $part ($beginning, $end) { $_->print($part) && $_->flush for @sockets }
        for my $socket (@sockets) { <$socket> =~ / 200 / or die "not answered\n" }
        $sum{done}{$count} += @sockets;
    }
    return;
}

# Neither memory nor descriptors grow with requests.
sub is_steady {
    my $of_children = sub { return { map { $_ => holdings($_) } serving() } };
    my $before = $of_children->();
    my (@requests, %memory);
    part('steady', STEADY, SAMPLES, sub {
        my ($turn) = @_;
        push @requests, progress();
        push @{ $memory{children} }, sum(map { memory($_) } serving());
        push @{ $memory{agent} },  memory($httpd->agent);
        push @{ $memory{parent} }, memory($pid);
        rotate($turn % 10 == 0) if $turn % 5 == 0;
        look_at_metrics();
    });
    comes_back_to($before, $of_children, 'the children hold what they held');
    is_flat('memory of all children, for a request', \@requests, $memory{children}, OF_CHILDREN);
    is_flat("memory of the $_, for a request", \@requests, $memory{$_}, OF_ONE) for qw(agent parent);
    return;
}

# Neither grows with restarts, of which no client notices anything.
sub is_restarted {
    my $of_children = sub { return [map { without_pipes($_) } serving()] };
    my $before = $of_children->();
    my (@numbers, @memory);
    part('restarts', RESTARTS, RESTART, sub {
        my ($turn) = @_;
        restart($turn % 20 == 0);
        rotate($turn % 6 == 0) if $turn % 3 == 0;
        kill_agent()  if $turn % 8 == 4;
        $store->kill  if $turn % 8 == 6;
        $store->start if $turn % 8 == 7;
        look_at_metrics();
        return if $turn <= FIRST_RESTARTS;
        push @numbers, $turn;
        push @memory,  memory($pid);
    });
    is_flat('memory of the parent, for a restart', \@numbers, \@memory, FOR_A_RESTART);
    settle();
    comes_back_to($before, $of_children, 'and new children what others held');
    return;
}

# A child that dies takes the requests with it that it was answering, and nothing else.
sub is_killed {
    my $children = serving();
    my @events;
    my $cut = part('deaths', DEATHS, DEATH, sub {
        my ($turn) = @_;
        my @children = serving();
        push @events, time;
        kill $turn % 2 ? 'KILL' : 'TERM', $children[rand @children];
        if ($turn % RESTART_BESIDE == 0) {
            push @events, time;
            restart(0);
        }
        wait_until(sub { serving() >= $children }, SECONDS) or BAIL_OUT('no new children');
    }, asks_again => 0);
    cmp_ok(scalar @$cut, '>', 0, 'requests were cut: ' . @$cut);
    cmp_ok(scalar @$cut, '<=', CLIENTS * @events, 'but none that was not on its way: ' . @events . ' deaths and restarts');
    is(scalar(grep { $_ < $events[0] } @$cut), 0, 'and none before the first death');
    settle();
    return;
}

sub leaves_nothing {
    my $minutes = (time - $began) / 60;
    # A zombie is no child any more.
    my $family = sub { return [sort keys %{ session_of($pid) }] };
    my $known  = sub { return [sort $pid, $httpd->children] };
    ok(wait_until(sub { "@{ $family->() }" eq "@{ $known->() }" }, SECONDS), 'each process is the parent or its child, and lives')
        or diag(explain(session_of($pid), $known->()));
    is(scalar(grep { getpgrp($_) == $_ } $httpd->children), 1, 'one is the agent');
    $httpd->stop;
    ok(wait_until(sub { !%{ session_of($pid) } }, SECONDS), 'and nobody after a stop') or diag(explain(session_of($pid)));

    note(sprintf '%d requests in %.1f minutes, %d a second; %d restarts, %d changes of the key file', $sum{requests}, $minutes,
        $sum{requests} / $minutes / 60, $restarts, $rotations);
    note("$_: $sum{kinds}{$_}") for sort keys %{ $sum{kinds} };
    note("asked again on a $_ connection: $sum{again}{$_}") for sort keys %{ $sum{again} };
    $httpd->log->clean;
    return;
}

# Clients that ask until all together have asked so often, beside so many events. Their answers
# must be right, and the counters theirs. Returns the times of requests that were cut.
sub part {
    my ($name, $requests, $times, $event, %args) = @_;
    write_file($progress, '');
    my @clients;
    push @clients, start_client(sub { return visit($_[0], %args) }) for 1 .. CLIENTS;
    for my $turn (1 .. $times // 0) {
        wait_for_progress($requests * $turn / ($times + 1));
        $event->($turn);
    }
    wait_for_progress($requests);
    my %said = (wrong => [], cuts => []);
    for (map { stop_client($_) } @clients) {
        my ($what, $count, $word) = /^(\w+) (\S+) ?(.*)/;
        if    ($said{$what})       { push @{ $said{$what} }, $what eq 'cuts' ? $count : "$count $word" }
        elsif ($what eq 'requests') { $sum{requests} += $count }
        else                        { $sum{$what}{$word} += $count }
    }
    is(scalar @{ $said{wrong} }, 0, "$name: each answer is right") or diag(map { "$_\n" } splice @{ $said{wrong} }, 0, 10);
    agree("$name: the counters have what the clients did");
    return $said{cuts};
}

sub visit {
    my ($goes_on, %args) = @_;
    srand;
    my $visits = SessionCrypto::SoakVisits->new($site, asks_again => 1, %args);
    open my $file, '>>', $progress or die "$progress: $!\n";
    my $told = 0;
    while ($goes_on->(0)) {
        $visits->next;
        for (; $visits->requests >= $told + STEP; $told += STEP) { syswrite $file, '.' }
    }
    return $visits->lines;
}

sub progress { return STEP * -s $progress }

sub wait_for_progress {
    my ($requests) = @_;
    while (progress() < $requests) {
        my $before = progress();
        wait_until(sub { progress() > $before }, SECONDS) or BAIL_OUT("no client has an answer within @{[SECONDS]} s");
    }
    return;
}

# A count may be higher by what was asked for in requests that were cut.
sub agree {
    my ($name) = @_;
    my ($counts, $metrics) = ($site->counts, $site->metrics);
    # These follow from hours and processes; core/tests/counters.rs has them one by one.
    delete @$_{qw(derivations private_key_operations)} for $counts, $metrics;
    my %known = (%$counts, %{ $sum{done} });
    my @wrong = grep {
        my ($count, $least) = ($counts->{$_} // -1, $sum{done}{$_} // 0);
        $count < $least || $count > $least + ($sum{perhaps}{$_} // 0);
    } sort keys %known;
    is(scalar @wrong, 0, $name)
        or diag(map { sprintf "%s: %s, and the clients did %s (%s more were cut)\n", $_, map { $_ // 0 } $counts->{$_}, $sum{done}{$_}, $sum{perhaps}{$_} } @wrong);
    is_deeply($metrics, { map { $_ => $counts->{$_} } keys %$metrics }, 'and those of Prometheus are the same');
    return;
}

sub look_at_metrics {
    my $now = $site->metrics;
    my @less = grep { $now->{$_} < ($seen{$_} // 0) } keys %$now;
    BAIL_OUT("@less became less") if @less;
    %seen = %$now;
    return;
}

# The children that answer requests.
sub serving {
    my $agent = $httpd->agent // 0;
    return grep { $_ != $agent } $httpd->children;
}

sub restart {
    my ($rotates_log) = @_;
    $httpd->log->rotate if $rotates_log;
    $httpd->graceful;
    $restarts++;
    return;
}

# A restart after which no former process is left, and nothing that was for one.
sub settle {
    $httpd->restart;
    $restarts++;
    comes_back_to($at_start, sub { holdings($pid) }, 'the parent holds what it held at the start');
    wait_until(sub { $httpd->agent }, SECONDS) or BAIL_OUT('no agent');
    return;
}

# Puts a new key into the key file, or a mistake first.
sub rotate {
    my ($is_wrong_first) = @_;
    if ($is_wrong_first) {
        $site->change_keys('no JWK Set') or BAIL_OUT('no line about a mistake');
        $sum{done}{'reloads.failed'}++;
    }
    $site->rotate or BAIL_OUT('no line about new keys');
    $sum{done}{'reloads.good'}++;
    $rotations++;
    return;
}

sub kill_agent {
    my $agent = $httpd->agent // BAIL_OUT('no agent');
    kill KILL => $agent;
    wait_until(sub { ($httpd->agent // $agent) != $agent }, SECONDS) or BAIL_OUT('no other agent');
    return;
}

# A descriptor that is closed is gone a moment after the last answer.
sub comes_back_to {
    my ($before, $now, $name) = @_;
    my $json = JSON::PP->new->canonical;
    wait_until(sub { $json->encode($now->()) eq $json->encode($before) }, SECONDS);
    my $after = $now->();
    return is_deeply($after, $before, $name) || diag('before: ', $json->encode($before), "\nafter: ", $json->encode($after), "\n");
}

# All that a child holds, without the pipes of former configurations. The parent has all of these.
sub without_pipes {
    my ($child) = @_;
    my $holdings = holdings($child);
    return { %$holdings, descriptors => [grep { $_ ne 'pipe:' } @{ $holdings->{descriptors} }] };
}

sub is_flat {
    my ($name, $x, $y, $most) = @_;
    my $slope = slope($x, $y);
    return cmp_ok($slope, '<=', $most, sprintf '%s: %.2f bytes (%d KiB, then %d KiB)', $name, $slope, map { $_ / 1024 } $y->[0], $y->[-1]);
}


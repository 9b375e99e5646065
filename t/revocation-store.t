# A logout on one server ends the session on every server, whatever happens to the store,
# to the agent and to the server. No request waits for the store.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Preload qw(preload);
use SessionCrypto::Store   ();
use SessionCrypto::System  qw(read_file);
use SessionCrypto::Waiting qw(wait_until);

# Longer than it takes the agent to notice anything, and shorter than a minute, after
# which it repeats its lines.
use constant PATIENCE => 30;
# A request that waits for the store takes at least as long as its time-outs, in seconds.
use constant TIME_OUT => 2;

use constant SECRET => 'S3cr3t of many bytes';

my $session = "SessionCryptoPassphrase 'a passphrase of many bytes'\n";

subtest 'two servers, an agent that is killed, and a store that is' => sub {
    my $store = SessionCrypto::Store->new;
    my ($one, $other) = map { server($store) } 1 .. 2;
    ends_on($one, $other, 'a logout');
    ends_on($other, $one, 'one on the other server');

    my @times = sort { $a <=> $b } map { time_of_news($one, $other) } 1 .. 11;
    # Not all of them, because a busy machine may stop any process for a while. Of an agent
    # that looked once a second, hardly any would come in time.
    cmp_ok($times[2], '<', 0.1, "the other server knows within 100 ms (@{[join ' ', map { sprintf '%.3f', $_ } @times]})");

    my $agent = $one->agent;
    kill KILL => $agent;
    my $token = logged_out($one);
    wait_for(sub { ($one->agent // $agent) != $agent }, 'another agent begins');
    is_out($other, $token, 'a logout while there was no agent');
    like_once($one, 'the agent of SessionCryptoRevocation has died');

    $store->kill;
    $token = logged_out($one);
    my $in = login($other);
    is_in($other, $in, 'without a store, sessions go on');
    wait_for_line($_, qr/:error\].* no news of ended sessions from redis:\S+ since .*: it cannot be reached/) for $one, $other;
    is_in($other, $token, 'and a logout is not known elsewhere');
    is_out($one, $token, 'but here');
    $store->start;
    is_out($other, $token, 'when the store is back, it is known');
    wait_for_line($_, qr/:notice\].* news of ended sessions come from redis:\S+ again/) for $one, $other;
    my $third = server($store);
    is_out($third, $token, 'also to a new server');
    $_->log->clean('nothing else in the log') for $one, $other, $third;
    $_->stop for $one, $other, $third;
};

subtest 'a store that hangs' => sub {
    my $store = SessionCrypto::Store->new;
    my ($one, $other) = map { server($store) } 1 .. 2;
    $store->freeze;
    my @tokens = map { login($one) } 1 .. 20;
    my @times = map { my $start = time; logout($one, $_); time - $start } @tokens;
    cmp_ok((sort { $a <=> $b } @times)[-1], '<', TIME_OUT, 'no logout waits');
    wait_for_line($one, qr/:error\].* no news .*: it does not answer/);
    @times = map { my $start = time; login($one); time - $start } 1 .. 20;
    cmp_ok((sort { $a <=> $b } @times)[-1], '<', TIME_OUT, 'no login waits');
    $store->thaw;
    is_out($other, $_, 'a logout is known later') for @tokens;
    $_->log->expect(qr/no news .* does not answer|news .* come from redis:\S+ again/, 'a while without a store') for $one, $other;
    $_->log->clean('nothing else in the log') for $one, $other;
    $_->stop for $one, $other;
};

subtest 'restarts' => sub {
    my $store = SessionCrypto::Store->new;
    my ($one, $other) = map { server($store) } 1 .. 2;
    my $token = logged_out($one);
    for (1 .. 3) {
        my $former = $one->agent;
        $one->restart;
        isnt($one->agent, $former, 'a restart brings another agent');
        is(scalar(grep { getpgrp($_) == $_ } $one->children), 1, 'and leaves one');
    }
    is_out($one, $token, 'a restart keeps what has ended');
    ends_on($one, $other, 'a logout after it');
    ends_on($other, $one, 'and one on the other server');

    $one->{config} = "${session}SessionCryptoRevocation off\n";
    $one->write_conf;
    $one->restart;
    is($one->agent, undef, 'off has no agent');
    is_in($one, $token, 'and accepts a session that has ended');
    $one->{config} = config($store, 'size=7');
    $one->write_conf;
    $one->restart;
    is_out($one, $token, 'until the list is on again');
    like_once($one, 'size=7 in SessionCryptoRevocation takes effect when the server is stopped and started; until then, there is room for 500 ended sessions');

    $one->stop;
    $one->start;
    is_out($one, $token, 'a full stop forgets nothing that the store has');
    $_->log->clean('nothing else in the log') for $one, $other;
    $_->stop for $one, $other;
};

subtest 'a logout right before a stop' => sub {
    my $store = SessionCrypto::Store->new;
    my ($one, $other) = map { server($store) } 1 .. 2;
    my @tokens = map { logged_out($one) } 1 .. 20;
    $one->stop;
    is_out($other, $_, 'is known') for @tokens;
    $other->stop;
};

subtest 'a file keeps the list over a stop' => sub {
    my $httpd = SessionCrypto::Httpd->new(config => "${session}SessionCryptoRevocation on file=ended\n");
    {
        # The parent writes the file when it looks at its files.
        local $ENV{LD_PRELOAD} = preload($httpd->dir, 'haste');
        $httpd->start;
    }
    is($httpd->agent, undef, 'on has no agent');
    my $token = logged_out($httpd);
    my $file  = $httpd->dir . '/ended';
    wait_for(sub { -e $file && read_file($file) =~ /^[0-9a-f]{32} session /m }, 'the file is written while the server runs');
    is((stat $file)[2] & 07777, 0600, 'for its owner alone');
    my $last = logged_out($httpd);
    $httpd->stop;
    $httpd->start;
    is_out($httpd, $_, 'out after a stop') for $token, $last;
    $httpd->stop;
    $httpd->log->clean;

    $httpd->write_file('ended', read_file($file) =~ s/ session / sessiom /r);
    is(eval { $httpd->start; 1 }, undef, 'a damaged file stops the server');
    like($@, qr/ended is damaged: line 2 is not a record: restore it, or remove it/, 'with words');
};

subtest 'a file that cannot be written' => sub {
    my $httpd = SessionCrypto::Httpd->new(config => "${session}SessionCryptoRevocation on file=ended\n");
    $httpd->start;
    my $token = logged_out($httpd);
    # The file is written beside itself first.
    my $beside = $httpd->dir . '/ended.new';
    mkdir $beside or die "$beside: $!\n";
    $httpd->stop;
    like_once($httpd, "ended sessions cannot be kept in @{[$httpd->dir]}/ended (Is a directory");
    rmdir $beside or die "$beside: $!\n";
    $httpd->start;
    is_in($httpd, $token, 'the copy works again, as the log has said');
    # A file that a killed server has left there is in nobody's way.
    $httpd->write_file('ended.new', 'cut off');
    logout($httpd, $token);
    $httpd->stop;
    ok(!-e $beside, 'the file beside it is gone');
    $httpd->start;
    is_out($httpd, $token, 'a logout after that is kept');
    $httpd->stop;
    $httpd->log->clean;
};

subtest 'a store that refuses records, and one that loses them' => sub {
    my $store = SessionCrypto::Store->new;
    my ($one, $other) = map { server($store) } 1 .. 2;
    # A record that is passed on only once is for those who are there.
    wait_for(sub { $other->log->lines(qr/SC0601: /) }, 'the other server has connected');
    # No replica is there. So the store takes no record, and still passes it on.
    $store->ask(qw(CONFIG SET min-replicas-to-write 1));
    my $records = sub { return $store->ask('ZCARD', 'session-crypto:1') };
    my $before  = $records->();
    my $token   = logged_out($one);
    wait_for_line($one, qr/:error\].* SC0605: redis:\S+ takes no ended sessions since .*: it answers 'NOREPLICAS .*'; \d+ wait here/);
    is_out($other, $token, 'the other server hears of it');
    is($records->(), $before, 'the store has no record');
    $store->ask(qw(CONFIG SET min-replicas-to-write 0));
    wait_for_line($one, qr/:notice\].* SC0606: redis:\S+ takes ended sessions again, after \d+ s/);
    wait_for(sub { $records->() > $before }, 'it has one now');
    $other->log->expect(qr/ SC060[56]: /, 'of an agent that has tidied meanwhile');

    $store->ask('FLUSHALL');
    my $lost = qr/:warn\].* SC0607: redis:\S+ has lost the ended sessions, and gets \d+ of them again/;
    wait_for_line($_, $lost) for $one, $other;
    my $third = server($store);
    is_out($third, $token, 'a new server learns what was lost');
    $_->stop for $one, $other, $third;
    $_->log->clean for $one, $other, $third;
};

subtest 'without a file' => sub {
    my $httpd = SessionCrypto::Httpd->new(config => "${session}SessionCryptoRevocation on\n");
    $httpd->start;
    my $token = logged_out($httpd);
    is_out($httpd, $token, 'out');
    $httpd->restart;
    is_out($httpd, $token, 'out after a restart');
    like_once($httpd, 'a stop of the server forgets ended sessions');
    $httpd->stop;
    $httpd->start;
    is_in($httpd, $token, 'in again after a stop, as the log has said');
    is(scalar(() = $httpd->log->lines(qr/a stop of the server forgets/)), 2, 'which each start says');
    $httpd->log->clean;
    $httpd->stop;
};

subtest 'a list that is full' => sub {
    my $httpd = SessionCrypto::Httpd->new(config => "${session}SessionCryptoRevocation on size=8\n");
    $httpd->start;
    like_once($httpd, 'a stop of the server forgets ended sessions');
    my @tokens = map { logged_out($httpd) } 1 .. 60;
    is_out($httpd, $tokens[-1], 'the last is out');
    my @lines = $httpd->log->lines(qr/the list of ended sessions is full/);
    is(@lines, 1, 'one warning a minute');
    like($lines[0], qr/:warn\].* has dropped \d+ so far, .* write size=16 in SessionCryptoRevocation, then stop/, 'says what to write');
    $httpd->log->expect(qr/the list of ended sessions is full/, 'shown above');
    $httpd->log->clean;
    $httpd->stop;
};

subtest 'a list that the logouts of others fill' => sub {
    my $store = SessionCrypto::Store->new;
    my $one   = server($store);
    my $small = SessionCrypto::Httpd->new(config => config($store, 'size=8'));
    started($small, $store);
    logged_out($one) for 1 .. 60;
    like_once($small, 'the list of ended sessions is full');
    $_->stop for $one, $small;
    $_->log->clean for $one, $small;
};

subtest 'TLS and a password, which nobody sees' => sub {
    my $store = SessionCrypto::Store->new(tls => 1, arguments => ['--requirepass', SECRET]);
    my @servers = map {
        my $httpd = SessionCrypto::Httpd->new(config => config($store, 'ca-file=' . $store->certificate, 'password-file=password'));
        $httpd->write_file('password', "'@{[SECRET]}'\n", 0600);
        started($httpd, $store);
    } 1 .. 2;
    ends_on(@servers, 'a logout');
    for my $httpd (@servers) {
        for my $pid ($httpd->pid, $httpd->children) {
            unlike(read_file("/proc/$pid/$_"), qr/S3cr3t/, "$_ of a process") for 'cmdline', 'environ';
        }
        is(scalar($httpd->log->lines(qr/S3cr3t/)), 0, 'the log');
        $httpd->log->clean;
        $httpd->stop;
    }
};

subtest 'a password that any user can read' => sub {
    my $store = SessionCrypto::Store->new(arguments => ['--requirepass', SECRET]);
    my $httpd = SessionCrypto::Httpd->new(config => config($store, 'password-file=password'));
    $httpd->write_file('password', "'@{[SECRET]}'\n", 0644);
    started($httpd, $store);
    like_once($httpd, 'SessionCryptoRevocation: ' . $httpd->dir . '/password may be read by every user of this host');
    is(scalar($httpd->log->lines(qr/S3cr3t/)), 0, 'the password is not told');
    $httpd->stop;
    $httpd->log->clean;
};

subtest 'a store that is not there when the server starts' => sub {
    for my $hole ('nothing', 'a listener that never answers') {
        my $store = $hole eq 'nothing' ? SessionCrypto::Store->new : SessionCrypto::Store->black_hole;
        $store->kill if $hole eq 'nothing';
        my ($free, $strict) = map { server($store, @$_) } [], ['required'];
        my ($in, $strict_in) = (login($free), login($strict));
        is_in($free, $in, "$hole: sessions are served");
        is_out($strict, $strict_in, 'but not where news are required');
        wait_for_line($_, qr/:warn\].* no news of ended sessions from redis:\S+ yet: it (?:cannot be reached|does not answer)/) for $free, $strict;
        if ($hole eq 'nothing') {
            $store->start;
            wait_for(sub { body($strict, $strict_in) eq 'user=joe' }, 'sessions come back with the store');
            wait_for_line($_, qr/:notice\].* news of ended sessions come from redis:\S+ again/) for $free, $strict;
        }
        $_->log->clean('nothing else in the log') for $free, $strict;
        $_->stop for $free, $strict;
    }
};

subtest 'news that are required and go missing' => sub {
    my $store = SessionCrypto::Store->new;
    my $httpd = server($store, 'required');
    my $token = login($httpd);
    is_in($httpd, $token, 'the first request is served: the start has waited for the store');
    my ($out, $replaced) = map { login($httpd) } 1, 2;
    $store->freeze;
    is_in($httpd, $token, 'a short break does no harm');
    wait_for(sub { body($httpd, $token) eq '' }, 'a longer one empties sessions');
    wait_for_line($httpd, qr/:error\].* no news .*: it does not answer; sessions read as empty/);
    is(logout($httpd, $out)->token, '', 'a logout meanwhile removes the cookie');
    my $login = $httpd->client->get('/', session => $replaced, 'X-S' => 'user=joe')->token;
    $store->thaw;
    wait_for(sub { body($httpd, $token) eq 'user=joe' }, 'they come back with the store');
    is(body($httpd, $out), '', 'but not a copy of the one that was logged out');
    is(body($httpd, $replaced), '', 'nor of one that a login has replaced');
    is_in($httpd, $login, 'and that login sticks');
    wait_for_line($httpd, qr/:notice\].* news of ended sessions come from redis:\S+ again/);
    $httpd->log->clean;
    $httpd->stop;
};

done_testing;

sub config {
    my ($store, @options) = @_;
    return "${session}SessionCryptoRevocation @{[join ' ', $store->url, @options]}\n";
}

sub server {
    my ($store, @options) = @_;
    my $httpd = SessionCrypto::Httpd->new(config => config($store, 'size=500', @options));
    return started($httpd, $store);
}

sub started {
    my ($httpd, $store) = @_;
    $httpd->start;
    $store->expect_in($httpd->log);
    expect_ended($httpd);
    return $httpd;
}

sub expect_ended {
    my ($httpd) = @_;
    $httpd->log->expect(qr/:info\].* session ended, the request goes on with an empty one/, 'a session that has ended');
    return;
}

sub login { my ($httpd) = @_; return $httpd->client->get('/', 'X-S' => 'user=joe')->token }

sub logout {
    my ($httpd, $token) = @_;
    return $httpd->client->get('/', session => $token, 'X-S' => 'user=');
}

sub logged_out {
    my ($httpd) = @_;
    my $token = login($httpd);
    logout($httpd, $token);
    expect_ended($httpd);
    return $token;
}

sub body { my ($httpd, $token) = @_; return $httpd->client->get('/', session => $token)->body }

sub is_in {
    my ($httpd, $token, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is(body($httpd, $token), 'user=joe', $name);
}

# News take a moment.
sub is_out {
    my ($httpd, $token, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for(sub { body($httpd, $token) eq '' }, $name);
}

sub ends_on {
    my ($one, $other, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $token = login($one);
    is_in($other, $token, "$name: in");
    is(logout($one, $token)->token, '', 'logged out');
    is_out($other, $token, 'out there');
    return is_out($one, $token, 'out here');
}

# The time between a logout and its effect on another server.
sub time_of_news {
    my ($one, $other) = @_;
    my $token = login($one);
    logout($one, $token);
    my $start = time;
    while (body($other, $token) ne '') {
        die "no news within @{[PATIENCE]} s\n" if time - $start > PATIENCE;
        sleep 0.002;
    }
    return time - $start;
}

sub wait_for {
    my ($condition, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return ok(wait_until($condition, PATIENCE), $name);
}

# Waits for a line, which is the only one of its kind.
sub wait_for_line {
    my ($httpd, $pattern) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    wait_for(sub { $httpd->log->lines($pattern) }, "a line: $pattern");
    $httpd->log->expect($pattern, 'shown');
    return is(scalar(() = $httpd->log->lines($pattern)), 1, 'one line');
}

sub like_once {
    my ($httpd, $words) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return wait_for_line($httpd, qr/\Q$words\E/);
}

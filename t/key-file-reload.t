# A key file that changes while httpd runs. Every child seals under the new keys within 30
# seconds, however the file was replaced. A file that is broken leaves the keys in force,
# and one line in the log. A session that has ended stays so. Under load, no request fails
# and no session is lost.
#
# The parent looks at its files every ten seconds. One server here does so; the others are
# hasty. SESSION_CRYPTO_FULL=1 has all ways and mistakes without haste too, and replaces the
# file 200 times under load.

use strict;
use warnings;

use List::Util  qw(all uniq);
use POSIX       ();
use Socket      qw(INADDR_LOOPBACK PF_INET SOCK_STREAM pack_sockaddr_in);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Clients qw(start_client stop_client);
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_id key_set);
use SessionCrypto::Preload qw(preload);
use SessionCrypto::System  qw(write_file);
use SessionCrypto::Waiting qw(wait_until);

use constant {
    SECONDS      => 30,
    REPLACEMENTS => $ENV{SESSION_CRYPTO_FULL} ? 200 : 20,
    CLIENTS      => 4,
    CHILDREN     => 3,
    # Threads of each child under an MPM with threads.
    THREADS      => 4,
    # Ways that take more than one look of the parent.
    SLOW         => qr/slowly|away|mixed/,
    # In the second half of 200 replacements, sets of 60 keys that stay behind would be about
    # 1 MiB.
    GROWTH_KIB   => 500,
};
use constant WORKERS => CHILDREN * (SessionCrypto::Httpd::env('MPM') eq 'prefork' ? 1 : THREADS);
use constant LIMITS  => <<"END";
StartServers @{[CHILDREN]}
ServerLimit @{[CHILDREN]}
<IfModule mpm_prefork_module>
    MinSpareServers 1
    MaxSpareServers 10
    MaxRequestWorkers @{[CHILDREN]}
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadsPerChild @{[THREADS]}
    MaxRequestWorkers @{[WORKERS]}
</IfModule>
END

my $lua = SessionCrypto::Httpd::env('LUA') =~ s{/[^/]+\z}{}r;
my ($first, $second, $third) = map { key($_) } qw(first second third);

# Each way to replace a file: with a name of its own, so that all are tried together.
my %WAYS = (
    rename     => \&by_rename,
    link       => \&by_link,
    'in-place' => \&write_file,
    # The beginning of the text first, and the rest when the parent has looked.
    slowly     => sub {
        my ($path, $text) = @_;
        write_file($path, substr $text, 0, length($text) / 2);
        wait_for_look();
        write_file($path, $text);
    },
    # A part of the text over the former one: a set of keys, of which the newest is wrong.
    mixed      => sub {
        my ($path, $text) = @_;
        write_file($path, $text =~ s/.*"k":"\K\w{8}/AAAAAAAA/r);
        wait_for_look();
        write_file($path, $text);
    },
    # Without the file for a while.
    away       => sub {
        my ($path, $text) = @_;
        unlink $path or die "$path: $!\n";
        wait_for_look();
        by_rename($path, $text);
    },
);
# Each mistake, and the words of the log.
my %MISTAKES = (
    empty   => [sub { write_file($_[0], '') }, 'is empty'],
    cut     => [sub { by_rename($_[0], substr key_set($second), 0, 20) }, 'is not JSON'],
    ended   => [sub { by_rename($_[0], key_set(key('over', exp => time - 1))) }, 'has no key that has begun and not ended'],
    missing => [sub { unlink $_[0] or die "$_[0]: $!\n" }, 'cannot be read (No such file or directory)'],
    short   => [sub { by_link($_[0], key_set($first, key('weak', k => 'AAAA'))) }, q(is wrong at the key with the kid 'weak')],
);
my @files = (sort(keys %WAYS), sort(keys %MISTAKES), 'clock');

my $library = preload(SessionCrypto::Httpd->new(name => 'key-file-haste')->dir, 'haste');

# While the hasty server is tested, this one takes its time.
my $steady = server('key-file-steady', section('steady', 'keys'));
$steady->write_file('keys', key_set($first), 0600);
$steady->start;
$steady->write_file('keys', key_set($first, key('over', exp => time - 1), $second), 0600);
my $pushed = time;

my $httpd = server('key-file-reload', join '', map({ section($_, "keys/$_/set") } @files), section('program', '"exec:program keys/rename/set"'));
my $looks = 0;
for my $name (@files) {
    $httpd->write_file("keys/$name/..1/set", key_set($first), 0600);
    symlink '..1', $httpd->dir . "/keys/$name/..data" or die "..data: $!\n";
    # Kubernetes has a link to a link to a directory.
    if ($name eq 'link' || $name eq 'short') { symlink '..data/set', set($name) or die "set: $!\n" }
    else                                     { by_rename(set($name), key_set($first)) }
}
$httpd->write_file('program', qq(#!/bin/sh\nexec cat "\$1"\n), 0755);
start($httpd, !$ENV{SESSION_CRYPTO_FULL});
expect_changes($httpd->log);
my %token = map { $_ => $httpd->client->get("/$_/echo", 'X-S' => 'user=joe')->token } @files;

for my $round ([$first, $second], [$first, $second, $third]) {
    my $id = $round->[-1]{kid};
    subtest "everybody seals under the $id key" => sub {
        my $began = time;
        $WAYS{$_}->(set($_), key_set(@$round)) for sort { ($a =~ SLOW) <=> ($b =~ SLOW) } keys %WAYS;
        for my $name (sort keys %WAYS) {
            my $changed = $name =~ SLOW ? time : $began;
            my $seals   = wait_until(sub { all { $_ eq $id } kids($name) }, SECONDS - (time - $changed));
            ok($seals, "$name: within @{[SECONDS]} seconds") or diag(explain([kids($name)]));
            is($httpd->client->get("/$name/echo", session => $token{$name})->body, 'user=joe', 'and opens what there was');
        }
        wait_for_look();
        is(scalar(() = $httpd->log->lines(in_force(set($_)))), 1, "$_: after one change") for sort keys %WAYS;
    };
    subtest 'a mistake keeps the keys in force' => sub {
        my %before = map { $_ => [kids($_)]->[0] } keys %MISTAKES;
        $MISTAKES{$_}[0]->(set($_)) for sort keys %MISTAKES;
        for my $name (sort keys %MISTAKES) {
            my $lines = sub { return $httpd->log->lines(not_used(set($name))) };
            wait_until(sub { scalar(() = $lines->()) }, SECONDS);
            my @lines = $lines->();
            like($lines[0] // '', qr/ until a restart, which would fail: \S+ \Q$MISTAKES{$name}[1]\E/, "$name: a line says what is wrong");
        }
        wait_for_look();
        wait_for_look();
        for my $name (sort keys %MISTAKES) {
            is(scalar(() = $httpd->log->lines(not_used(set($name)))), 1, "$name: one line for one change");
            is_deeply([uniq kids($name)], [$before{$name}], 'and all children seal as before');
            is($httpd->client->get("/$name/echo", session => $token{$name})->body, 'user=joe', 'and open');
            by_rename(set($name), key_set(@$round)) if $name ne 'short';
            by_link(set($name), key_set(@$round)) if $name eq 'short';
        }
        for my $name (sort keys %MISTAKES) {
            my $seals = wait_until(sub { all { $_ eq $id } kids($name) }, SECONDS);
            ok($seals, "$name: and the keys after that are in force");
        }
        $httpd->log->clear;
    };
    if ($id eq 'second') {
        is_deeply([uniq kids('program')], ['first'], 'a program is not run again');
        $httpd->restart;
        is_deeply([uniq kids('program')], ['second'], 'before a restart');
        is_deeply([uniq map { kids($_) } @files[0 .. $#files - 1]], ['second'], 'which keeps all other keys');
    }
}
subtest 'rights' => sub {
    chmod 0644, set('clock') or die "chmod: $!\n";
    ok(wait_until(sub { scalar(() = $httpd->log->lines(qr/\[session_crypto:warn\] .*\Q@{[set('clock')]}\E may be read by every user of this host/)) }, SECONDS), 'a file that others may now read is a warning');
    $httpd->log->expect(qr/\[session_crypto:warn\] .*may be read by every user/, 'the same');
};
$httpd->stop;
$httpd->log->clean;

subtest 'without haste' => sub {
    $httpd = $steady;
    my $lines = sub { return $httpd->log->lines(in_force('\S+/keys')) };
    wait_until(sub { scalar(() = $lines->()) }, SECONDS);
    my ($line) = $lines->();
    like($line // '', qr/: 3 in all, 'second' seals; sessions open under first, second$/, 'the log tells the ids of all keys that have not ended');
    cmp_ok(time_of($line // '') - $pushed, '<', SECONDS, "the parent has read its file within @{[SECONDS]} seconds");
    is_deeply([uniq kids('steady')], ['second'], 'and every child seals under the new key');
    expect_changes($httpd->log);
    $httpd->stop;
    $httpd->log->clean;
};

subtest 'sessions that have ended' => sub {
    $httpd = server('key-file-ended', section('ended', 'keys') . <<'END');
SessionCryptoRevocation on
<Location /ended/out>
    SetHandler session-crypto-end-sessions
</Location>
END
    $httpd->write_file('keys', key_set($first), 0600);
    start($httpd, 1);
    my $client = $httpd->client;
    my $login  = sub { return $client->get('/ended/echo', 'X-S' => "user=$_[0]")->token };
    my $logout = sub { return $client->get('/ended/echo', session => $_[0], 'X-S' => 'user=') };
    my $found  = sub { return [uniq map { $_->body } answers('/ended/echo', "Cookie: session=$_[0]")] };
    my ($joe, $jane, $jim, $other_jim, $jack) = map { $login->($_) } qw(joe jane jim jim jack);
    $logout->($joe);
    is($client->post('/ended/out', undef, session => $jim)->status, 204, 'a user signs out everywhere');
    is_deeply($found->($_), [''], 'a session has ended in every child') for $joe, $jim, $other_jim;

    $httpd->write_file('keys', key_set($first, $second), 0600);
    ok(wait_until(sub { all { $_ eq 'second' } kids('ended') }, SECONDS), 'every child seals under another key');
    is_deeply($found->($_), [''], 'an ended session stays so') for $joe, $jim, $other_jim;
    is_deeply($found->($jane), ['user=jane'], 'and another goes on');
    my $moved = $client->get('/ended/echo', session => $jane)->token;
    is(key_id($moved), 'second', 'under the new key');
    $logout->($moved);
    is_deeply($found->($_), [''], 'until a logout, which ends its copies under both keys') for $jane, $moved;
    is($client->post('/ended/out', undef, session => $login->('jack'))->status, 204, 'a user signs out everywhere under the new key');
    is_deeply($found->($jack), [''], 'which ends a session under the older one');

    my $last = $login->('joe');
    $httpd->write_file('keys', key_set($second, $third), 0600);
    ok(wait_until(sub { all { $_ eq 'third' } kids('ended') }, SECONDS), 'every child has the next keys');
    is_deeply($found->($moved), [''], 'an ended session stays so');
    is_deeply($found->($last), ['user=joe'], 'and another goes on');
    expect_changes($httpd->log);
    $httpd->log->expect(qr/\[session_crypto:info\] .*(?:session ended|the sessions of a user are ended)/, 'what the requests ask for');
    $httpd->log->expect(qr/a stop of the server forgets ended sessions/, 'the list is not kept in a file');
    $httpd->stop;
    $httpd->log->clean;
};

# A child may answer one more request after a graceful restart, and also if it had none since the
# keys last changed, it has these.
subtest 'a child of the former configuration' => sub {
    $httpd = server('key-file-former', section('former', 'keys') . <<"END");
ServerLimit @{[2 * CHILDREN]}
MaxRequestWorkers @{[2 * WORKERS]}
END
    $httpd->write_file('keys', key_set($first), 0600);
    start($httpd, 1);
    my @sockets = map { connected("GET /former/process HTTP/1.0\r\nHost: 127.0.0.1\r\n") } 1 .. WORKERS;
    ok(wait_until(sub { !waiting_connections() }, SECONDS), 'each worker has the beginning of a request');
    $httpd->write_file('keys', key_set($first, $second), 0600);
    ok(wait_until(sub { scalar(() = $httpd->log->lines(in_force('\S+/keys'))) }, SECONDS), 'while the keys change');
    my %former = map { $_ => 1 } $httpd->children;
    $httpd->graceful;
    my $token = sub { return $httpd->client->get('/former/echo', 'X-S' => 'user=joe')->token };
    my $joe;
    ok(wait_until(sub { key_id($joe = $token->()) eq 'second' }, SECONDS), 'after a graceful restart, a session is under the new key');
    my @answers = map { print {$_} "Cookie: session=$joe\r\n\r\n"; SessionCrypto::Response->parse(do { local $/; <$_> }) } @sockets;
    is_deeply([grep { !$former{$_} } map { $_->body } @answers], [], 'each of these requests is answered by a former child');
    is_deeply([uniq map { $_->header('x-found') } @answers], ['user=joe'], 'which opens that session');
    expect_changes($httpd->log);
    $httpd->stop;
    $httpd->log->clean;
};

# Under load.
$httpd = server('key-file-load', section('load', 'keys/load/set'));
# Each good file has the first key, those that sealed last, and others.
my $number = 0;
my $newest = new_key();
my @always = ($newest, map { key("other$_") } 1 .. 40);
my @recent;
$httpd->write_file('keys/load/..1/set', key_set(@always), 0600);
symlink '..1', $httpd->dir . '/keys/load/..data' or die "..data: $!\n";
symlink '..data/set', set('load') or die "set: $!\n";
start($httpd, 1);
my $joe = $httpd->client->get('/load/echo', 'X-S' => 'user=joe')->token;
my @clients;
push @clients, start_client(\&ask) for 1 .. CLIENTS;
my (@failures, @rss);
my ($good, $broken) = (0, 0);
for my $turn (1 .. REPLACEMENTS) {
    my $way = (\&by_rename, \&by_link, \&write_file)[rand 3];
    # A restart needs a good file, and so does the end.
    my $is_quarter = $turn == REPLACEMENTS / 4;
    if (rand() < 0.5 && $turn > 1 && $turn < REPLACEMENTS && !$is_quarter) {
        my $before = lines_of_mistakes();
        $way->(set('load'), mistake());
        $broken++;
        wait_until(sub { lines_of_mistakes() > $before }, SECONDS) or push @failures, "turn $turn: no line for a mistake";
    }
    else {
        $newest = new_key();
        push @recent, $newest;
        shift @recent if @recent > 20;
        $way->(set('load'), key_set(@always, @recent));
        $good++;
        wait_until(sub { key_id($httpd->client->get('/load/echo', 'X-S' => 'user=jim')->token) eq $newest->{kid} }, SECONDS)
            or push @failures, "turn $turn: the new key does not seal";
    }
    $httpd->restart if $is_quarter;
    if ($turn == REPLACEMENTS / 2) {
        # The first requests of a child take room too, and under mpm_prefork they may come late.
        kids('load');
        push @rss, rss();
    }
}
my ($asked, @said) = stop_clients(@clients);
push @rss, rss();
cmp_ok($good, '>', 0, "$good good files");
cmp_ok($broken, '>', 0, "$broken broken ones");
is_deeply(\@failures, [], 'each had its effect');
cmp_ok($asked, '>', REPLACEMENTS, "clients asked all the time ($asked requests)");
is_deeply(\@said, [], 'no request failed, and no session was lost');
is(lines_of_mistakes(), $broken, 'one line for each mistake');
ok(wait_until(sub { all { $_ eq $newest->{kid} } kids('load') }, SECONDS), 'the key of the last good file seals in every child');
my %grown = map { $_ => $rss[1]{$_} - $rss[0]{$_} } grep { exists $rss[1]{$_} } keys %{ $rss[0] };
is_deeply([grep { $_ > GROWTH_KIB } values %grown], [], 'memory is flat: ' . join ', ', map { "$grown{$_} KiB" } sort { $a <=> $b } keys %grown);
cmp_ok(scalar keys %grown, '>=', 2, 'that of the parent and of a child');
$httpd->stop;
expect_changes($httpd->log);
$httpd->log->clean;

done_testing;

sub server {
    my ($name, $config) = @_;
    return SessionCrypto::Httpd->new(
        name => $name, echo => '/echo$', handlers => qq(LuaMapHandler "/process\$" "$lua/process.lua"),
        config => LIMITS . $config);
}

# Starts a server; a hasty parent looks at its files four times a second.
sub start {
    my ($server, $is_hasty) = @_;
    local $ENV{LD_PRELOAD} = $library if $is_hasty;
    $server->start;
    return;
}

sub section {
    my ($name, $file) = @_;
    return "<Location /$name>\nSessionCryptoKeyFile $file\n</Location>\n";
}

sub set { return $httpd->dir . "/keys/$_[0]/set" }

sub new_key { return key('key' . $number++) }

sub by_rename {
    my ($path, $text) = @_;
    write_file("$path.new", $text);
    chmod 0600, "$path.new" or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
    return;
}

# As Kubernetes does: a new directory, to which a link is turned.
sub by_link {
    my ($path, $text) = @_;
    my $folder = $path =~ s{/[^/]+\z}{}r;
    my $new = '..' . (1 + (sort { $a <=> $b } map { /(\d+)\z/ } glob "$folder/..[0-9]*")[-1]);
    mkdir "$folder/$new" or die "$folder/$new: $!\n";
    write_file("$folder/$new/set", $text);
    chmod 0600, "$folder/$new/set" or die "set: $!\n";
    symlink $new, "$folder/..new" or die "..new: $!\n";
    rename "$folder/..new", "$folder/..data" or die "..data: $!\n";
    if (!-l $path) {
        symlink '..data/set', "$path.link" or die "$path.link: $!\n";
        rename "$path.link", $path or die "$path: $!\n";
    }
    return;
}

# A text that is no set of keys. A part of one begins as a good one does.
sub mistake {
    my $text = key_set(@always, @recent, new_key());
    my @mistakes = ('', '{}', substr($text, 0, rand length $text), $text =~ s/"oct"/"EC"/r, key_set(@always, key('over', k => 'AAAA')));
    return $mistakes[rand @mistakes];
}

sub in_force {
    my ($file) = @_;
    $file = quotemeta $file if $file =~ m{^/};
    return qr/\[session_crypto:notice\] .*\] SC0541: $file has changed, and its keys are in force: \d+ in all, '[\w-]+' seals; sessions open under [\w-]+(?:, [\w-]+)*$/;
}

# When a line was written, in Unix seconds.
sub time_of {
    my ($line) = @_;
    my ($month, $day, $hour, $minute, $second, $year) = $line =~ /^\[\w+ (\w+) (\d+) (\d+):(\d+):([\d.]+) (\d+)\]/
        or return 'inf';
    my %month = map { (split ' ', 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec')[$_] => $_ } 0 .. 11;
    return POSIX::mktime(0, $minute, $hour, $day, $month{$month}, $year - 1900, 0, 0, -1) + $second;
}

sub not_used {
    my ($file) = @_;
    $file = quotemeta $file if $file =~ m{^/};
    return qr/\[session_crypto:error\] .*\] SC0543: $file has changed, and is not used; the keys that were read before stay in force/;
}

sub expect_changes {
    my ($log) = @_;
    $log->expect(in_force('\S+'), 'good files');
    $log->expect(not_used('\S+'), 'broken ones');
    $log->expect(qr/AH10159|AH00484|AH00161/, 'all workers are busy, and there are no more');
    return;
}

sub lines_of_mistakes { return scalar(() = $httpd->log->lines(not_used(set('load')))) }

# Waits until the parent has looked at the files.
sub wait_for_look {
    my $said = sub { return scalar(() = $httpd->log->lines(in_force(set('clock')))) };
    my $before = $said->();
    by_rename(set('clock'), key_set(key('clock' . $looks++)));
    wait_until(sub { $said->() > $before }, SECONDS) or die "the parent has not looked within @{[SECONDS]} s\n";
    return;
}

# The ids of the keys that the workers of all children seal under.
sub kids {
    my ($name) = @_;
    my %kid;
    my %child = map { $_ => 1 } $httpd->children;
    # A child may still be starting.
    my $deadline = time + SECONDS;
    while (time < $deadline) {
        push @{ $kid{ $_->body } }, key_id($_->token) for answers("/$name/process", 'X-S: user=jane');
        last if all { $kid{$_} } keys %child;
    }
    my @missing = grep { !$kid{$_} } keys %child;
    return @missing ? ("no answer of @missing") : map { @$_ } values %kid;
}

# The answers of all workers to a request. Each is kept waiting for its end until all have it.
sub answers {
    my ($path, $header) = @_;
    my $request = "GET $path HTTP/1.0\r\nHost: 127.0.0.1\r\n$header\r\n";
    my @sockets = map { connected($request) } 1 .. WORKERS;
    my @answers;
    for my $socket (@sockets) {
        print {$socket} "\r\n";
        push @answers, SessionCrypto::Response->parse(do { local $/; <$socket> });
    }
    return @answers;
}

sub connected {
    my ($request) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    connect($socket, pack_sockaddr_in($httpd->port, INADDR_LOOPBACK)) or die "connect: $!\n";
    $socket->autoflush(1);
    print {$socket} $request;
    return $socket;
}

# Asks while it goes on, with the first token and with the one that was sealed last, and
# returns how often, and what failed.
sub ask {
    my ($goes_on) = @_;
    my ($asked, $last, @failures) = (0, $joe);
    while ($goes_on->(0.01)) {
        my $token = $asked++ % 2 ? $joe : $last;
        my $res = eval { $httpd->client(asks_again => 1)->get('/load/echo', session => $token) };
        $last = $res->token || $last if $res;
        next if $res && $res->status == 200 && $res->body eq 'user=joe';
        push @failures, $@ || 'status ' . $res->status . ', body ' . $res->body . ', under ' . key_id($token);
    }
    return ($asked, @failures);
}

sub stop_clients {
    my (@clients) = @_;
    my ($asked, @failures) = (0);
    for my $client (@clients) {
        my ($count, @lines) = stop_client($client);
        $asked += $count;
        push @failures, @lines;
    }
    return ($asked, @failures);
}

# The memory of each process, in KiB.
sub rss {
    my %rss;
    for my $pid ($httpd->pid, $httpd->children) {
        open my $file, '<', "/proc/$pid/status" or next;
        ($rss{$pid}) = map { /^VmRSS:\s+(\d+)/ } <$file>;
    }
    return \%rss;
}

# The connections that no worker has taken yet.
sub waiting_connections {
    my $port = sprintf ':%04X', $httpd->port;
    open my $file, '<', '/proc/net/tcp' or die "/proc/net/tcp: $!\n";
    # The state 0A is that of a listener, whose waiting connections stand as bytes to be received.
    my ($count) = map { /^\s*\d+: \w+$port \w+:\w+ 0A \w+:(\w+)/ } <$file>;
    return hex($count // die "nobody listens\n");
}

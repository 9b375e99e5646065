# The counters agree with what the client did: each request is counted once, in the words of
# its outcome and under its key, by however many processes, over graceful restarts, changes of
# key files, and the death of children.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Clients      qw(start_client stop_client);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_set);
use SessionCrypto::Preload      qw(preload);
use SessionCrypto::System       qw(read_file);

use constant {
    CLIENTS => 4,
    # Requests of each client at once.
    EACH => 50,
    RESTARTS => 5,
    # httpd looks at key files every ten seconds.
    SECONDS => 40,
};

# Room for clients that run beside each other, in several processes from the start.
my $LIMITS = <<'END';
<IfModule mpm_event_module>
    StartServers 2
    ServerLimit 4
    ThreadsPerChild 4
    MaxRequestWorkers 16
</IfModule>
<IfModule mpm_prefork_module>
    StartServers 4
    MaxRequestWorkers 16
</IfModule>
END

my $httpd = SessionCrypto::Httpd->new(name => 'counters', echo => '^/(?!status|end)', config => $LIMITS . <<'END');
SessionCryptoRevocation on
<Location "/status">
    SetHandler session-crypto-status
</Location>
<Location "/end">
    SetHandler session-crypto-end-sessions
    SessionCryptoKeyFile keys.jwks
</Location>
<LocationMatch "^/(?:classic|jwe)">
    SessionCryptoPassphraseFile passphrases
</LocationMatch>
<LocationMatch "^/(?:jwe|old)">
    SessionCryptoCipher aes-256-gcm
</LocationMatch>
<Location "/old">
    SessionCryptoPassphrase "the old passphrase of this test"
</Location>
<Location "/certificate">
    SessionCryptoCertificateFile p256.pem
    SessionCryptoCertificateKeyFile p256.key
</Location>
<Location "/set">
    SessionCryptoKeyFile keys.jwks
</Location>
<Location "/short">
    SessionCryptoKeyFile keys.jwks
    SessionCryptoMaxLifetime 1
</Location>
<Directory "@DIR@/htdocs/author">
    AllowOverride AuthConfig
</Directory>
END
certificate($httpd->dir, 'p256', 'ec:P-256');
$httpd->write_file('passphrases', "# a comment\n\"the new passphrase of this test\"\n\"the old passphrase of this test\"\n", 0600);
my ($first, $second) = map { key($_) } qw(first second);
$httpd->write_file('keys.jwks', key_set($first), 0600);
$httpd->write_file('htdocs/author/.htaccess', qq(SessionCryptoPassphrase "the passphrase of an author"\n));
{
    # The parent looks at its key file twenty times as often as it does.
    local $ENV{LD_PRELOAD} = preload($httpd->dir, 'haste');
    $httpd->start;
}
my ($client, $dir) = ($httpd->client, $httpd->dir);

# Places of keys, by short names.
my %PLACES = (
    new         => "$dir/passphrases line 2",
    old         => "$dir/passphrases line 3",
    certificate => "$dir/p256.pem",
    first       => "$dir/keys.jwks",
    second      => "$dir/keys.jwks",
);
# The work of the client: counts by the names of the report, joined with dots.
my %done;

my $report = report();
is($report->{version}, 1, 'the report has a version');
cmp_ok(abs($report->{began} - time), '<', SECONDS, 'and the time at which the counters began');
agree('a new server has counted nothing');

my %tokens = map { $_ => login("/$_") } qw(classic jwe old certificate set);
agree('each sealed session is counted');
for my $round (1 .. 3) {
    opens($_) for qw(classic jwe certificate set);
}
agree('each opened token is counted');
moves('old', '/jwe');
agree('a stale token is opened, and its session sealed anew');
each_refusal();
agree('each refused token is counted by its reason');
each_end();
agree('each session that has ended is counted');
each_failure();
agree('failures and cookies that are too long are counted');
htaccess();
agree('keys of .htaccess files are counted together');

beside_each_other();
agree('requests beside each other are counted one by one');

my $began = report()->{began};
$httpd->restart;
agree('a graceful restart keeps all counts');
is(report()->{began}, $began, 'and the time at which they began');
opens($_) for keys %tokens;
agree('the next configuration counts on');

beside_each_other(sub { $httpd->graceful for 1 .. RESTARTS });
agree('no answer beside graceful restarts is lost or counted twice');

for my $time (qw(once twice)) {
    my @killed = kill_children();
    opens($_) for keys %tokens;
    agree("children that are killed $time lose no count (@killed)");
}

reloads();
agree('changes of a key file, and requests under its keys, are counted');

# The passphrases change their places, and with them their names.
$httpd->write_file('passphrases', "\"a third passphrase of this test\"\n\"the new passphrase of this test\"\n", 0600);
$httpd->restart;
@PLACES{qw(third new old)} = ("$dir/passphrases line 1", "$dir/passphrases line 2", place_of('old passphrase'));
moves('jwe', '/jwe', 'new', 'third');
agree('the counts of a passphrase follow it to another line');

my ($status) = grep { $_->{kind} eq 'set' && $_->{kid} eq 'second' } @{ report()->{keys} };
cmp_ok(abs($status->{last_opened} - time), '<', SECONDS, 'a key has the time of its last opening');
cmp_ok($status->{last_opened}, '>=', $status->{since}, 'which is not before it was counted');

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session refused, the request goes on with an empty one/, 'refused tokens');
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended, the request goes on with an empty one/, 'ended sessions');
$httpd->log->expect(qr/\[session_crypto:info\] .*the sessions of a user are ended/, 'sessions that the test ends');
$httpd->log->expect(qr/\[session_crypto:info\] .*a stop of the server forgets ended sessions/, 'there is no file=PATH');
$httpd->log->expect(qr/\[session_crypto:error\] .*session not sealed, and not saved/, 'a session that is too large');
$httpd->log->expect(qr/\[session:error\] .*(?:AH0181\d|encoding the session|session not saved)/i, 'what mod_session says of it');
$httpd->log->expect(qr/\[session_crypto:warn\] .*browsers may drop the cookie/, 'a cookie that is too long');
$httpd->log->expect(qr/\[session_crypto:(?:notice|error)\] .*keys\.jwks/, 'changes of the key file');
$httpd->log->expect(qr/AH00052: child pid \d+ exit signal Killed/, 'children that the test kills');
$httpd->log->expect(qr/AH03490/, 'children of many former configurations take all places for a while');
$httpd->log->expect(qr/AH10392/, 'children that are killed successively');
$httpd->log->clean;
done_testing;

# The report of the server.
sub report {
    my $answer = $client->get('/status?json');
    BAIL_OUT('no report: ' . $answer->status) if $answer->status != 200;
    return JSON::PP::decode_json($answer->body);
}

# Whether the counts are those of what the client has done, and no others.
sub agree {
    my ($name) = @_;
    my %counts = flat($report = report());
    my %expected = %done;
    # How many keys are derived follows from the hour and the processes; core/tests/counters.rs
    # counts them one by one.
    delete @counts{qw(derivations private_key_operations)};
    $expected{$_} //= 0 for keys %counts;
    return is_deeply(\%counts, \%expected, $name)
        || diag(map { sprintf "%s: %s, and the client did %s\n", $_, $counts{$_} // 'none', $expected{$_} }
            grep { ($counts{$_} // -1) != $expected{$_} } sort keys %expected);
}

# All counts of a report: those of events by the names of their members, and those of keys by
# their short names.
sub flat {
    my ($report) = @_;
    my %counts;
    my @left = ['', $report->{counters}];
    while (my $next = shift @left) {
        my ($name, $value) = @$next;
        if (ref $value) {
            push @left, map { [$name eq '' ? $_ : "$name.$_", $value->{$_}] } keys %$value;
        } else {
            $counts{$name} = $value;
        }
    }
    for my $key (@{ $report->{keys} }) {
        my $name = $key->{kind} eq 'htaccess' ? 'htaccess' : short($key);
        $counts{"$name $_"} += $key->{$_} for qw(sealed opened);
    }
    return %counts;
}

sub short {
    my ($key) = @_;
    return $key->{kid} if $key->{kind} eq 'set';
    my ($name) = grep { $PLACES{$_} eq $key->{place} } keys %PLACES;
    return $name // "$key->{kind} at $key->{place}";
}

# The line of the configuration that has a text.
sub place_of {
    my ($text) = @_;
    my @lines = split /\n/, read_file($httpd->conf);
    my ($number) = grep { $lines[$_ - 1] =~ /\Q$text\E/ } 1 .. @lines;
    return $httpd->conf . " line $number";
}

# The format and the key of the tokens of a section.
sub format_of {
    my ($section) = @_;
    return {
        classic => ['classic', 'new'], jwe => ['jwe', 'new'], old => ['jwe', 'old'],
        certificate => ['certificate', 'certificate'], set => ['key_set', 'first'], short => ['key_set', 'first'],
    }->{$section};
}

sub counts {
    my ($what, $format, $key, $times) = @_;
    $done{"$what.$format"} += $times // 1;
    $done{"$key $what"} += $times // 1;
    return;
}

# A new session of a section.
sub login {
    my ($path) = @_;
    my ($section) = $path =~ m{^/(\w+)};
    my $token = $client->get($path, 'X-S' => 'user=joe')->token // BAIL_OUT("no session at $path");
    counts(sealed => @{ format_of($section) });
    return $token;
}

# Opens the session of a section there.
sub opens {
    my ($section) = @_;
    is($client->get("/$section", session => $tokens{$section})->body =~ s/&session-crypto=.*//r, 'user=joe', "a session of /$section");
    counts(opened => @{ format_of($section) });
    return;
}

# Opens the session of a section at a path that seals with another passphrase.
sub moves {
    my ($section, $path, $opening, $sealing) = @_;
    my $answer = $client->get($path, session => $tokens{$section});
    like($answer->body, qr/^user=joe/, "a session of /$section at $path");
    $tokens{$section} = $answer->token // BAIL_OUT("no new session at $path") if defined $opening;
    counts(opened => 'jwe', $opening // 'old');
    counts(sealed => 'jwe', $sealing // 'new');
    $done{stale}++;
    return;
}

# A token for each reason that is easy to give, one, two, three times and so on.
sub each_refusal {
    my ($header) = $tokens{jwe} =~ /^([^.]+)/;
    my @refused = (
        ['/classic', 'not*base64',                            'encoding'],
        ['/classic', 'A.B.C.D.E',                             'format'],
        ['/jwe',     'A.B',                                   'parts'],
        ['/jwe',     $tokens{set},                            'header'],
        ['/jwe',     substr($tokens{jwe}, 0, -22) . 'A' x 22, 'tag'],
        ['/classic', 'AAAA',                                  'too_short'],
        ['/classic', 'A' x ((1 << 20) + 4),                   'too_long'],
        ['/classic', 'A' x 400,                               'not_authentic'],
        ['/old',     $tokens{jwe},                            'unknown_key'],
    );
    for my $times (1 .. @refused) {
        my ($path, $token, $reason) = @{ $refused[$times - 1] };
        is($client->get($path, session => $token)->body, '', "$reason: no session") for 1 .. $times;
        $done{"refused.$reason"} += $times;
    }
    return;
}

# Sessions that have expired, reached their age, or were ended.
sub each_end {
    my $expiry = time + 0.5;
    my $expires = $client->get('/classic', 'X-S' => sprintf 'user=joe&expiry=%d', $expiry * 1_000_000)->token;
    counts(sealed => 'classic', 'new');
    my ($short, $born) = (login('/short'), time);
    my $set = login('/set');
    # The lifetime counts whole seconds.
    sleep 0.01 while time <= $born + 3;
    for my $times (1 .. 2) {
        is($client->get('/classic', session => $expires)->body, '', 'a session that has expired');
        counts(opened => 'classic', 'new');
        $done{expired}++;
        is($client->get('/short', session => $short)->body, '', 'a session that has reached its age');
        counts(opened => 'key_set', 'first');
        $done{'ended.lifetime'}++;
    }
    is($client->post('/end', '', session => $set)->status, 204, 'the sessions of a user are ended');
    counts(opened => 'key_set', 'first');
    for my $token ($set, $set, $tokens{set}) {
        is($client->get('/set', session => $token)->body, '', 'a session that was ended');
        counts(opened => 'key_set', 'first');
        $done{revoked}++;
    }
    # A login in the same second as the end has a birth after it.
    $tokens{set} = login('/set');
    return;
}

# A session that is too large, and cookies that are too long.
sub each_failure {
    $client->get('/classic', 'X-S' => 'user=' . 'a' x (600 * 1024));
    $done{'errors.not_sealed'}++;
    for (1 .. 2) {
        $client->get('/classic', 'X-S' => 'user=' . 'a' x 3500);
        counts(sealed => 'classic', 'new');
        $done{oversize}++;
    }
    return;
}

sub htaccess {
    my $token = $client->get('/author/', 'X-S' => 'user=joe')->token;
    counts(sealed => 'classic', 'htaccess');
    is($client->get('/author/', session => $token)->body, 'user=joe', 'a session of an author');
    counts(opened => 'classic', 'htaccess');
    return;
}

# Clients that ask beside each other, at least until `meanwhile` has ended. httpd may close a
# connection without an answer when it restarts: that is no request.
sub beside_each_other {
    my ($meanwhile) = @_;
    my @clients;
    push @clients, start_client(\&ask_on) for 1 .. CLIENTS;
    $meanwhile->() if $meanwhile;
    my @answers = map { stop_client($_) } @clients;
    my ($unanswered, @wrong) = (0);
    for my $answer (@answers) {
        my $format = format_of($answer);
        $format ? counts(opened => @$format) : $answer eq 'none' ? $unanswered++ : push @wrong, $answer;
    }
    is_deeply(\@wrong, [], 'each answer to ' . @answers . ' requests has the session');
    $meanwhile ? note("$unanswered requests without an answer") : is($unanswered, 0, 'and each request has an answer');
    return;
}

# Asks for one section after the other, and returns what each answer was.
sub ask_on {
    my ($goes_on) = @_;
    my @sections = grep { $_ ne 'set' } sort keys %tokens;
    my @answers;
    while (@answers < EACH || $goes_on->(0)) {
        my $section = $sections[@answers % @sections];
        my $answer = eval { $client->get("/$section", session => $tokens{$section}) };
        push @answers, !$answer || !$answer->status ? 'none'
            : $answer->body =~ /^user=joe/ ? $section
            : "/$section: status @{[$answer->status]}, body '@{[$answer->body]}'";
    }
    return @answers;
}

# Kills all children, and returns when others answer.
sub kill_children {
    my @killed = $httpd->children;
    kill KILL => @killed;
    my $deadline = time + SECONDS;
    my %killed = map { $_ => 1 } @killed;
    sleep 0.01 while (grep { $killed{$_} } $httpd->children) && time < $deadline;
    sleep 0.01 while !eval { $client->get('/')->status } && time < $deadline;
    return @killed;
}

# Key files that are read again, well and badly.
sub reloads {
    # Writes the file, and returns when the log has a new line about it.
    my $write = sub {
        my ($text, $level) = @_;
        my $lines = sub { scalar(() = $httpd->log->lines(qr/\[session_crypto:$level\] .*keys\.jwks/)) };
        my ($before, $deadline) = ($lines->(), time + SECONDS);
        $httpd->write_file('keys.jwks', $text, 0600);
        sleep 0.05 while $lines->() == $before && time < $deadline;
        return;
    };
    $write->('no JWK Set', 'error');
    $done{'reloads.failed'}++;
    opens('set');
    $write->(key_set($first, $second), 'notice');
    $done{'reloads.good'}++;
    my $answer = $client->get('/set', session => $tokens{set});
    $tokens{set} = $answer->token // BAIL_OUT('the session was not saved under the new key');
    counts(opened => 'key_set', 'first');
    counts(sealed => 'key_set', 'second');
    $done{stale}++;
    for (1 .. 2) {
        like($client->get('/set', session => $tokens{set})->body, qr/^user=joe/, 'a session under the new key');
        counts(opened => 'key_set', 'second');
    }
    return;
}

# The handler session-crypto-status tells what the server has done, as a page for people, as
# JSON and for Prometheus; mod_status's page has the counts. None of them has a secret or a
# session, all agree with each other, and nobody else than the configuration says gets them.

use strict;
use warnings;

use FindBin    ();
use IPC::Open3 qw(open3);
use JSON::PP   ();
use Test::More;
use Time::HiRes qw(sleep);

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_set);

use constant DAY => 86_400;

# As many series as the module has counters for keys.
use constant MOST_KEYS => 512;

my $MODULES    = SessionCrypto::Httpd::env('C_MODULE') =~ s{/[^/]+\z}{}r;
my $MOD_STATUS = "$MODULES/mod_status.so";

my %PATH = (html => '/status', json => '/status?json', prometheus => '/status?prometheus');
my %TYPE = (
    html       => 'text/html; charset=utf-8',
    json       => 'application/json',
    prometheus => 'text/plain; version=0.0.4; charset=utf-8',
);
# A file whose name has letters that mean something in each form.
my $ODD = q(odd <b>"&'\\{}.txt);
# The counters keep the end of a place for which they have no room.
my $LONG = 'long-argument' x 40;

my $now = time;
my %KEY = (
    old   => key('old-key'),
    now   => key('key-of-now', nbf => $now - 60),
    later => key('later-key',  nbf => $now + 10 * DAY + 1800),
    ended => key('ended-key',  exp => $now - 2 * DAY),
);
my @SECRETS = (map({ $KEY{$_}{k} } sort keys %KEY), 'the-secret-of-the-odd-file', 'the-secret-of-a-line', 'the-secret-argument', 'joe-blow');

my $httpd = server('status', <<"END");
SessionCryptoRevocation on size=1000
<Location "/set">
    SessionCryptoKeyFile keys.jwks
</Location>
<Location "/program">
    SessionCryptoKeyFile "exec:\@DIR\@/bin/keys $LONG the-secret-argument"
</Location>
<Location "/odd">
    SessionCryptoPassphraseFile "@{[$ODD =~ s{(["\\])}{\\$1}gr]}"
</Location>
<Location "/line">
    SessionCryptoPassphrase the-secret-of-a-line
    SessionCryptoCipher aes256
</Location>
<Location "/certificate">
    SessionCryptoCertificateFile one.pem
    SessionCryptoCertificateKeyFile one.key
</Location>
<Location "/nobody">
    SetHandler session-crypto-status
    Require ip 192.0.2.1
</Location>
END
$httpd->write_file($ODD, "the-secret-of-the-odd-file\n", 0600);
my $program = key_set(key('key-of-a-program'));
$httpd->write_file('bin/keys', "#!/bin/sh\necho '$program'\n", 0755);
$httpd->write_file('keys.jwks', key_set(@KEY{qw(old now later ended)}), 0600);
certificate($httpd->dir, 'one', 'ec:P-256');
$httpd->start;
my $client = $httpd->client;

# The requests of the client, and so the counts.
my %token = map { $_ => $client->get("/$_", 'X-S' => 'user=joe-blow')->token } qw(set program odd line certificate);
ok($token{$_}, "a session of /$_") for sort keys %token;
is($client->get("/$_", session => $token{$_})->body, 'user=joe-blow', "it opens in /$_") for sort keys %token;
$client->get('/line', session => 'no token!');
$client->get('/line', session => $token{set});
push @SECRETS, values %token;

# The queries that programs write for a form.
my %QUERY = ('prometheus=' => 'prometheus', 'json=' => 'json', 'x=1&json' => 'json', 'notjson' => 'html', 'json=1' => 'html', '' => 'html');

subtest 'each form has its type, and nobody keeps it' => sub {
    for my $form (sort keys %PATH) {
        my $res = $client->get($PATH{$form});
        is($res->status, 200, $form);
        is_deeply([$res->header('content-type')], [$TYPE{$form}], 'its type');
        is_deeply([$res->header('cache-control')], ['no-store'], 'no cache keeps it');
        is_deeply([$res->header('x-content-type-options')], ['nosniff'], 'it is what it says');
        my ($policy) = $res->header('content-security-policy');
        like($policy // '', qr/\Adefault-src 'none'; style-src 'unsafe-inline';/, 'it loads nothing');
        is_deeply([$res->header('content-length')], [length $res->body], 'its length');
        is($res->token, undef, 'it sets no cookie');
        my $head = $client->request('HEAD', $PATH{$form});
        is($head->status, 200, 'HEAD');
        is($head->body, '', 'has no body');
        is_deeply([$head->header('content-type')], [$TYPE{$form}], 'and the type');
        for my $method (qw(POST PUT DELETE OPTIONS PATCH get)) {
            my $res = $client->request($method, $PATH{$form}, $method eq 'POST' ? 'a=b' : undef);
            is($res->status, 405, $method);
            my %allow = map { $_ => 1 } map { split /,\s*/ } $res->header('allow');
            delete $allow{TRACE};
            is_deeply([sort keys %allow], [qw(GET HEAD)], 'Allow: GET, HEAD');
            unlike($res->body, qr/key-of-now/, 'and no report');
        }
    }
    for my $query (sort keys %QUERY) {
        is_deeply([$client->get("/status?$query")->header('content-type')], [$TYPE{ $QUERY{$query} }], "?$query");
    }
    my $res = $client->get('/nobody');
    is($res->status, 403, 'Require decides who sees it');
    unlike($res->body, qr/key-of-now/, 'and who does not');
};

my %page = map { $_ => $client->get($PATH{$_})->body } sort keys %PATH;
my $json = JSON::PP->new->decode($page{json});

subtest 'JSON' => sub {
    is_deeply([sort keys %$json],
        [qw(began counters host id keys longest_lifetime now revocation version)], 'its members');
    is($json->{version}, 1, 'its version');
    cmp_ok($json->{began}, '>=', $now - 1, 'when the counters began');
    cmp_ok($json->{now}, '>=', $json->{began}, 'the time');
    is($json->{longest_lifetime}, 30 * DAY, 'how long sessions live');
    is_deeply($json->{revocation}, { size => 1000, used => 0, dropped => 0 }, 'the list of ended sessions');
    my $counters = $json->{counters};
    is_deeply($counters->{sealed}, { classic => 2, jwe => 0, certificate => 1, key_set => 2 }, 'sealed');
    is_deeply($counters->{opened}, { classic => 2, jwe => 0, certificate => 1, key_set => 2 }, 'opened');
    my %refused = %{ $counters->{refused} };
    is(scalar(grep { $_ } values %refused), 2, 'two reasons');
    is($refused{encoding}, 1, 'no token');
    is($refused{format},   1, 'a token of another section');
    is_deeply([map { "$_->{kind} " . ($_->{kid} // '-') . " $_->{state} $_->{sealed} $_->{opened}" } grep { $_->{kind} eq 'set' } @{ $json->{keys} }],
        ['set ended-key ended 0 0', 'set key-of-now seals 1 1', 'set later-key begins 0 0', 'set old-key opens 0 0', 'set key-of-a-program seals 1 1'], 'keys of a set');
    my ($later) = grep { ($_->{kid} // '') eq 'later-key' } @{ $json->{keys} };
    is_deeply([@$later{qw(nbf exp)}], [$now + 10 * DAY + 1800, undef], 'the dates of a key');
    my ($of_now) = grep { ($_->{kid} // '') eq 'key-of-now' } @{ $json->{keys} };
    cmp_ok($of_now->{$_}, '>=', $now, $_) for qw(last_sealed last_opened);
    my ($of_program) = grep { ($_->{kid} // '') eq 'key-of-a-program' } @{ $json->{keys} };
    like($of_program->{place}, qr{\Aexec:/\S+/bin/keys \.\.\.\z}, 'a program without its arguments');
    my ($odd) = grep { index($_->{place}, $ODD) >= 0 } @{ $json->{keys} };
    is_deeply([@$odd{qw(kind state sealed opened)}], ['passphrase', 'seals', 1, 1], 'a passphrase of an odd file');
    my ($line) = grep { $_->{place} =~ /httpd\.conf line \d+\z/ } @{ $json->{keys} };
    is_deeply([@$line{qw(kind state sealed opened)}], ['passphrase', 'seals', 1, 1], 'a passphrase of a line');
    my ($certificate) = grep { $_->{kind} eq 'certificate' } @{ $json->{keys} };
    is_deeply([@$certificate{qw(state sealed opened)}], ['seals', 1, 1], 'a certificate');
    like($certificate->{kid}, qr/\A[\w-]{43}\z/, 'by its thumbprint');
};

subtest 'Prometheus' => sub {
    my (%type, %value);
    for (split /\n/, $page{prometheus}) {
        if (/\A# HELP (session_crypto_[a-z_]+) [A-Z].*\.\z/) { next }
        if (/\A# TYPE (session_crypto_[a-z_]+) (counter|gauge)\z/) { $type{$1} = $2; next }
        my $ok = /\A(session_crypto_[a-z_]+)((?:\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})?) (\d+)\z/;
        ok($ok && $type{$1}, "a sample of a known name: $_") or next;
        ok(!exists $value{ $1 . $2 }, "$1$2 stands once");
        $value{ $1 . $2 } = $3;
    }
    is($type{$_}, /_total\z/ ? 'counter' : 'gauge', $_) for sort keys %type;
    my $counters = $json->{counters};
    for (['sealed', 'format'], ['opened', 'format'], ['refused', 'reason'], ['ended', 'limit']) {
        my ($name, $label) = @$_;
        is($value{qq(session_crypto_${name}_total{$label="$_"})}, $counters->{$name}{$_}, "$name $_")
            for sort keys %{ $counters->{$name} };
    }
    for my $name (qw(stale expired revoked derivations private_key_operations oversize)) {
        is($value{"session_crypto_${name}_total"}, $counters->{$name}, $name);
    }
    is($value{qq(session_crypto_errors_total{kind="$_"})}, 0, $_) for qw(not_opened not_sealed unusable);
    is($value{qq(session_crypto_reloads_total{outcome="$_"})}, 0, $_) for qw(good failed);
    is($value{session_crypto_revocation_records}, 0, 'the filling of the list of ended sessions');
    my ($now) = grep { /\Asession_crypto_key_opened_total\{key="key-of-now",kind="set"/ } keys %value;
    is($value{ $now // '' }, 1, 'a key by its id');
    my $odd = $ODD =~ s{(["\\])}{\\$1}gr;
    is(scalar(grep { index($_, $odd) >= 0 } keys %value), 3, 'an odd file is escaped');
    SKIP: {
        my $promtool = promtool() or skip 'this system has no promtool, and tools/promtool none for it', 1;
        my ($status, $output) = checked($promtool, 'metrics', $page{prometheus});
        is("$status $output", '0 ', 'promtool check metrics says nothing');
    }
};

subtest 'docs/status.md has the names of each form' => sub {
    open my $file, '<', "$FindBin::Bin/../docs/status.md" or die "docs/status.md: $!\n";
    my @lines = <$file>;
    my %metrics = map { $_ => 1 } $page{prometheus} =~ /^# TYPE session_crypto_(\w+)/mg;
    my %named   = map { $_ => 1 } map { /`(?:session_crypto_)?([a-z_]+_(?:total|seconds|records|limit))[`{]/g } @lines;
    is_deeply([sort keys %named], [sort keys %metrics], 'metrics');
    my ($reasons) = join('', @lines) =~ /^\| `reason` .*\n.*\n((?:\|.*\n)+)/m;
    my %reasons = map { $_ => 1 } map { /^\| ([^|]*) \|/ ? $1 =~ /`(\w+)`/g : () } split /\n/, $reasons // '';
    is_deeply([sort keys %reasons], [sort keys %{ $json->{counters}{refused} }], 'reasons');
    my %members = map { $_ => 1 } map { /^\| ([^|]*) \| / ? $1 =~ /`(\w+)`/g : () } @lines;
    ok($members{$_}, "the member $_ of the JSON") for sort keys %$json, sort keys %{ $json->{keys}[0] };
    my %counters = map { $_ => 1 } map { /^\| [^|]* \| `(\w+)` \| `\w+_total/ } @lines;
    is_deeply([sort keys %counters], [sort keys %{ $json->{counters} }], 'counters');
    my @expressions = map { /^\| `(.*\b(?:rate|increase)\(.*)` \| / ? $1 : () } @lines;
    cmp_ok(scalar(@expressions), '>=', 4, 'expressions for alerts');
    for my $expression (@expressions) {
        my @unknown = grep { !$metrics{$_} } $expression =~ /session_crypto_(\w+)/g;
        push @unknown, grep { index($page{prometheus}, $_) < 0 } $expression =~ /(\w+="\w+")/g;
        is_deeply(\@unknown, [], "$expression has names of the metrics");
    }
    SKIP: {
        my $promtool = promtool() or skip 'no promtool', 1;
        my $rules = join '', map { "      - { alert: a$_, expr: '$expressions[$_]' }\n" } 0 .. $#expressions;
        my $file  = $httpd->write_file('alerts.yml', "groups:\n  - name: sessions\n    rules:\n$rules");
        my ($status, $output) = checked($promtool, 'rules', '', $file);
        is($status, 0, 'promtool check rules accepts them') or diag($output);
    }
    my ($names) = join('', @lines) =~ /followed by (.*?)\./s;
    is_deeply([sort $names =~ /`(\w+)`/g], [sort map { /^SessionCrypto(\w+)/ } split /\n/, $client->get('/server-status?auto')->body],
        "names of mod_status's ?auto") if -e $MOD_STATUS;
};

subtest 'the page for people' => sub {
    my $html = $page{html};
    like($html, qr/\A<!DOCTYPE html><html lang="en">/, 'it is HTML in English');
    like($html, qr{<title>Encrypted sessions on \S+</title>}, 'it has a title');
    like($html, qr/name="viewport"/, 'it fits a telephone');
    like($html, qr/prefers-color-scheme: dark/, 'it has dark colours');
    unlike($html, qr/<script|javascript:|\son\w+=|https?:/i, 'it has no script, and loads nothing');
    is(scalar(() = $html =~ /<h1>/g), 1, 'one heading of the first level');
    is(scalar(() = $html =~ /<caption>/g), scalar(() = $html =~ /<table>/g), 'each table has a caption');
    my @cells = $html =~ /<th\b([^>]*)>/g;
    is(scalar(grep { !/scope="(?:col|row)"/ } @cells), 0, 'each heading of a table has its scope');
    my @ids = $html =~ /\bid="([^"]+)"/g;
    my %ids = map { $_ => 1 } @ids;
    is(scalar(keys %ids), scalar(@ids), 'no id stands twice');
    ok($ids{$_}, "the id $_ is there") for $html =~ /aria-labelledby="([^"]+)"/g;
    unlike($html, qr/<b>/, 'nothing of the configuration is markup');
    isnt(index($html, q(odd &lt;b&gt;&quot;&amp;'\{}.txt)), -1, 'it is text');
    my %row = map { /<code>([^<]*)</ ? ($1 => text($_)) : () } $html =~ m{<tr>(.*?)</tr>}gs;
    like($row{'key-of-now'}, qr/ seals now /, 'a key that seals');
    like($row{'old-key'}, qr/ opens only; not used since 20[-0-9]+ [0-9:]+ UTC, when counting began .*keep it: it can go in (?:29 days 23 hours|30 days), unless it is used before then/, 'a key that opens');
    like($row{'later-key'}, qr/ begins to seal in 10 days .*nothing to do/, 'a key that begins');
    like($row{'ended-key'}, qr/ ended 2 days ago, and opens nothing .*it can go: htsession rotate takes it out/, 'a key that has ended');
    like(text($html), qr/5 of 7 sessions that came since .* opened; 2 were refused, 1 of them because/, 'at a glance');
    like(text($html), qr/The key ended-key can go/, 'a key can go');
};

subtest 'mod_status' => sub {
    plan(skip_all => 'this httpd has no mod_status.so') if !-e $MOD_STATUS;
    my $sum = sub { my $sum = 0; $sum += $_ for values %{ $json->{counters}{ $_[0] } }; return $sum };
    my %expected = (
        Sealed => $sum->('sealed'), Opened => $sum->('opened'), Refused => $sum->('refused'), Ended => 0,
        Stale => 0, Expired => 0, Revoked => 0, Errors => 0, Derivations => $json->{counters}{derivations},
        PrivateKeyOperations => $json->{counters}{private_key_operations}, Oversize => 0, Reloads => 0, FailedReloads => 0,
        map { ("Device$_" => 0) } qw(Bound Unbound Refused Registered Refreshed),
    );
    my $auto = $client->get('/server-status?auto')->body;
    my %found = $auto =~ /^SessionCrypto(\w+): (\d+)$/mg;
    is_deeply(\%found, \%expected, '?auto has the counts');
    my $html = $client->get('/server-status')->body;
    like(text($html), qr/Encrypted sessions Sessions sealed $expected{Sealed} Tokens opened $expected{Opened} /, 'so has the page');
    my $flat = $client->get('/server-status?notable')->body;
    like(text($flat), qr/Encrypted sessions Sessions sealed: $expected{Sealed} Tokens opened: $expected{Opened} /, 'and that without tables');
    my ($part) = $flat =~ m{(<h2>Encrypted sessions.*)}s;
    unlike($part, qr/<t[dr]/, 'which has none');
    unlike($_, qr/key-of-now|keys\.jwks/, 'no key and no file is there') for $auto, $html, $flat;
    $page{"server-status $_"} = { auto => $auto, html => $html, flat => $flat }->{$_} for qw(auto html flat);
};

subtest 'no form has a secret or a session' => sub {
    for my $form (sort keys %page) {
        my @found = grep { index($page{$form}, $_) >= 0 } @SECRETS;
        is_deeply(\@found, [], $form);
    }
    # The check sees what is there.
    isnt(index($page{html}, 'key-of-now'), -1, 'a key id is no secret');
};

subtest 'keys that a new file brings and takes away' => sub {
    my $next = key('next-key', nbf => $now - 30);
    push @SECRETS, $next->{k};
    $httpd->write_file('keys.jwks', key_set($next, $KEY{old}), 0600);
    my $deadline = time + 60;
    my $json;
    # The parent counts the file before each child has it.
    until ($json && $json->{counters}{reloads}{good} && grep { ($_->{kid} // '') eq 'next-key' } @{ $json->{keys} }) {
        die "the file is not read\n" if time > $deadline;
        sleep 0.2;
        $json = JSON::PP->new->decode($client->get($PATH{json})->body);
    }
    my %state = map { ($_->{kid} // '-') => $_->{state} } grep { $_->{kind} eq 'set' } @{ $json->{keys} };
    is_deeply(\%state, { 'key-of-a-program' => 'seals', 'next-key' => 'seals', 'old-key' => 'opens', 'key-of-now' => 'gone' },
        'a used key stays with its counts, and one that was never used goes');
    my $html = $client->get($PATH{html})->body;
    like(text($html), qr/key-of-now .* not configured any more; last used .* put it back if users are logged out/, 'in words');
    is_deeply([grep { index($html, $_) >= 0 } @SECRETS], [], 'no secret');
};

subtest 'a graceful restart changes no form' => sub {
    my ($sealed, $opened) = map { my $name = $_; sub { my $sum = 0; $sum += $_ for values %{ $_[0]{counters}{$name} }; $sum } } qw(sealed opened);
    my $before = JSON::PP->new->decode($client->get($PATH{json})->body);
    $httpd->restart;
    my $after = JSON::PP->new->decode($client->get($PATH{json})->body);
    is($after->{began}, $before->{began}, 'counting goes on');
    is($after->{id}, $before->{id}, 'it is the same server');
    is($_->($after), $_->($before), 'so do counts') for $sealed, $opened;
    is_deeply([map { $_->{kid} } @{ $after->{keys} }], [map { $_->{kid} } @{ $before->{keys} }], 'and keys');
    if (-e $MOD_STATUS) {
        my @lines = $client->get('/server-status?auto')->body =~ /^SessionCryptoSealed: (\d+)$/mg;
        is_deeply(\@lines, [$sealed->($before)], "mod_status's page has its part once");
    }
};

$httpd->stop;
$httpd->log->expect(qr/session_crypto:notice\] .*keys\.jwks has changed, and its keys are in force/, 'the new file');
$httpd->log->expect(qr/session_crypto:info\] .*session refused/, 'the two tokens that are none here');
$httpd->log->expect(qr/AH01630/, 'a client whom Require denies');
$httpd->log->expect(qr/a stop of the server forgets ended sessions/, 'a list without a file');
$httpd->log->clean;

subtest 'a server with more keys than counters' => sub {
    my $many = server('status-many', join '', map { <<"END" } 1 .. 9);
<Location "/$_">
    SessionCryptoKeyFile keys$_.jwks
</Location>
END
    $many->write_file("keys$_.jwks", key_set(map { key("key-$_") } 1 .. 64), 0600) for 1 .. 9;
    $many->start;
    my $client = $many->client;
    my $token = $client->get("/$_", 'X-S' => 'user=joe')->token for 1 .. 9;
    my %page = map { $_ => $client->get($PATH{$_})->body } sort keys %PATH;
    my $other = JSON::PP->new->decode($page{json});
    like($other->{id}, qr/\A[\w-]{43}\z/, 'it has an id');
    isnt($other->{id}, $json->{id}, 'of its own');
    my @keys = @{ $other->{keys} };
    cmp_ok(scalar(@keys), '>=', MOST_KEYS - 2, 'all counters are in use');
    cmp_ok(scalar(@keys), '<=', MOST_KEYS, 'and no more');
    my $sealed = 0;
    $sealed += $_->{sealed} for @keys;
    is($sealed, 9, 'each session is counted');
    cmp_ok(scalar(() = $page{prometheus} =~ /^session_crypto_key_opened_total\{/mg), '<=', MOST_KEYS, 'series are bounded');
    cmp_ok(length $page{$_}, '<', 1 << 19, "$_ is short") for sort keys %page;
    SKIP: {
        my $promtool = promtool() or skip 'no promtool', 1;
        my ($status, $output) = checked($promtool, 'metrics', $page{prometheus});
        is("$status $output", '0 ', 'promtool check metrics says nothing');
    }
    $many->stop;
    $many->log->clean;
};

subtest 'a server without mod_status, and without a key' => sub {
    my $bare = SessionCrypto::Httpd->new(name => 'status-bare', echo => '^/(?!status)', session => '', config => <<'END')->start;
<Location "/status">
    SetHandler session-crypto-status
</Location>
END
    my $json = JSON::PP->new->decode($bare->client->get('/status?json')->body);
    is_deeply($json->{keys}, [], 'it has no keys');
    is($json->{revocation}, undef, 'and no list of ended sessions');
    like($bare->client->get('/status')->body, qr/No session has come since/, 'the page says so');
    $bare->stop;
    $bare->log->clean;
};

done_testing;

sub server {
    my ($name, $config) = @_;
    my $load = -e $MOD_STATUS ? <<"END" : '';
LoadModule status_module "$MOD_STATUS"
<Location "/server-status">
    SetHandler server-status
    Require local
</Location>
END
    return SessionCrypto::Httpd->new(name => $name, echo => '^/(?!status|server-status|nobody)', config => $load . <<'END' . $config);
<Location "/status">
    SetHandler session-crypto-status
    Require local
</Location>
END
}

# The text of HTML, with single spaces.
sub text {
    my ($html) = @_;
    my %letter = (amp => '&', lt => '<', gt => '>', quot => '"', nbsp => ' ');
    return $html =~ s{<style>.*?</style>}{}gsr =~ s/<[^>]*>/ /gr =~ s/&(\w+);/$letter{$1}/gr =~ s/\s+/ /gr;
}

# Prometheus's own program.
sub promtool {
    my $own = SessionCrypto::Httpd::env('PROMTOOL');
    return $own if -x $own;
    my ($found) = grep { -x } map { "$_/promtool" } split /:/, $ENV{PATH};
    return $found;
}

# Its judgement of a text, which is on its standard input, or of files.
sub checked {
    my ($promtool, $kind, $text, @files) = @_;
    my $pid = open3(my $in, my $out, undef, $promtool, 'check', $kind, @files);
    print {$in} $text;
    close $in;
    my $output = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    return ($? >> 8, $output);
}

# A session has a birth and a name, in an entry of its own text, where a directive asks for
# it. The entry goes through every format, every store and httpd's own module. Nobody but
# this module has a say in it. It is a new one when the session is, and when its user
# changes.

use strict;
use warnings;

use Crypt::Digest::SHA256 qw(sha256);
use MIME::Base64          qw(encode_base64url);
use Test::More;
use Time::HiRes             qw(sleep time);

use SessionCrypto::Formats qw(seen);

my $NAME  = 'AAECAwQFBgcICQoLDA0ODw';
my $ENTRY = qr/session-crypto=(\d+)\.([\w-]{22})(?![\w-])/;

# Pages that lead to others of the same format and store.
my $LEADING = join '', map { my $path = $_; map { <<"END" } qw(life named plain) } SessionCrypto::Formats::paths();
<Location $path/to-$_>
    SessionCryptoMaxLifetime 1h
    ErrorDocument 404 $path/$_
</Location>
END

my $formats = SessionCrypto::Formats->new(name => 'births', config => $LEADING . <<'END')->start;
<LocationMatch "/life$">
    SessionCryptoMaxLifetime 1h
</LocationMatch>
<LocationMatch "/since$">
    SessionCryptoNotBefore 2020-01-01T00:00:00Z
</LocationMatch>
<LocationMatch "/aged$">
    SessionCryptoMaxLifetime 1h
    SessionMaxAge 600
</LocationMatch>
<LocationMatch "/named$">
    SessionCryptoMaxLifetime 1h
    SessionCryptoUserEntry Login "Account Id"
    SessionCryptoUserEntry staff
</LocationMatch>
<Location /clear>
    SessionCookieName session path=/
</Location>
END

subtest $_->{name} => sub { given($_); kept($_); renewed($_); derived($_); shown($_); led_on($_) } for $formats->cells;
clear();
mixed_farm();

$formats->httpd->stop;
$formats->httpd->log->clean;
$formats->stop;
done_testing;

# An entry of a session that began a while ago.
sub entry { return 'session-crypto=' . int(time - ($_[0] // 1000)) . ".$NAME" }

sub given {
    my ($cell) = @_;
    for my $section (qw(life since named)) {
        my $page  = "$cell->{path}/$section";
        my $begin = int time;
        my $res   = $formats->get($page, 'X-S' => 'user=joe');
        is_deeply(seen($res), { session => '', began => '', before => '' }, "$section: a new session has not begun yet");
        my ($birth) = is_new("$section: a new session", $cell->text($res->token // ''), $begin, 'user=joe');
        is_deeply(seen($formats->get($page, session => $res->token)), { session => 'user=joe', began => $birth, before => '' },
            "$section: the application sees when it began, and not the entry");
    }
    is($cell->text($formats->get("$cell->{path}/plain", 'X-S' => 'user=joe')->token // ''), 'user=joe', 'without a directive there is no entry');
    like($cell->text($formats->get("$cell->{path}/aged")->token // ''), qr/\Aexpiry=\d+\z/, 'a session without entries of its own gets none');
    my $own = 'session-crypto=1.' . $NAME;
    my $res = $formats->get("$cell->{path}/life", 'X-S' => $own);
    is($cell->text($res->token // ''), '', "the application's own entry makes no session");
    is($cell->text($formats->get("$cell->{path}/plain", 'X-S' => "user=joe&$own")->token // ''), 'user=joe', 'and does not leave, without a directive either');
}

# Requests after which a session has the entry that it came with.
sub kept {
    my ($cell) = @_;
    my $entry = entry();
    my ($birth) = $entry =~ $ENTRY;
    for my $section (qw(life since plain)) {
        for my $set (
            'cart=2', 'user=joe', 'USER=joe', 'superuser=me', 'users=2',
            'session-crypto=', "session-crypto=1.$NAME", "Session-Crypto=1.$NAME", "session%2Dcrypto=1.$NAME", 'session-crypto=x&cart=2'
        ) {
            my $cookie = $cell->bring("user=joe&$entry&cart=1");
            my $res    = $formats->get("$cell->{path}/$section", session => $cookie, 'X-S' => $set);
            is_deeply(seen($res), { session => 'user=joe&cart=1', began => $birth, before => '' }, "$section: began $birth");
            my $text = $cell->text($res->token // $cookie);
            is_deeply([$text =~ /session-crypto=([^&]*)/gi], [$entry =~ /=(.*)/], "$section keeps the entry with X-S: $set") or diag($text);
        }
    }
    # Without a change, nothing is saved.
    is($formats->get("$cell->{path}/life", session => $cell->bring("user=joe&$entry"))->token, undef, 'reading saves nothing');
}

# Requests after which a session has a new entry, and those like them that renew nothing.
sub renewed {
    my ($cell) = @_;
    my $wrong = 'session-crypto=0' . int(time) . ".$NAME";
    for (
        ['life',  'user=joe',              'user=jane',         1],
        ['life',  'user=joe',              'User=jane',         1],
        ['life',  'user=joe',              'user=&USER=joe',    0],
        ['life',  'user=joe',              'user=Joe',          1],
        ['life',  'user=joe&cart=1',       'user=',             1],
        ['life',  'cart=1',                'user=joe',          1],
        ['life',  'cart=1',                'cart=2',            0],
        ['life',  'private-user=joe',      'private-user=jane', 1],
        ['life',  'Private-User=joe',      'other-user=jane',   1],
        ['life',  'a-user=joe&b-user=jane', 'b-user=jane&a-user=joe', 0],
        ['life',  'a-user=joe&b-user=jane', 'b-user=joe&a-user=jane', 1],
        ['life',  'user=joe',              'private-pw=secret', 0],
        ['life',  'user=joe&login=1',      'login=2',           0],
        ['plain', 'user=joe',              'user=jane',         1],
        ['plain', 'cart=1',                'user=joe',          1],
        ['named', 'user=joe&login=1',      'user=jane',         0],
        ['named', 'user=joe&login=1',      'login=2',           1],
        ['named', 'user=joe&staff=1',      'staff=',            1],
        ['named', 'user=joe',              'account+id=7',      1],
    ) {
        my ($section, $text, $set, $is_renewed) = @$_;
        my $begin  = int time;
        my $cookie = $cell->bring("$text&" . entry());
        my $res    = $formats->get("$cell->{path}/$section", session => $cookie, 'X-S' => $set);
        my $sealed = $cell->text($res->token // $cookie);
        if ($is_renewed) { is_new("$section: '$text' with '$set'", $sealed, $begin) }
        else             { like($sealed, qr/session-crypto=\d+\.$NAME(?:&|\z)/, "$section: '$text' with '$set' is the same session") }
    }
    # The session ends, and another begins in its place.
    my $res = $formats->get("$cell->{path}/life", session => $cell->bring('user=joe&' . entry()), 'X-S' => 'user=');
    is($res->token // 'none', $cell->{store} eq 'cookie' ? '' : $res->token, 'a session without entries is removed');
    is($cell->text($res->token // ''), '', 'and has no entry');
    my $begin = int time;
    $res = $formats->get("$cell->{path}/life", session => $cell->bring("user=joe&$wrong"), 'X-S' => 'cart=1');
    is_new('an entry that is not well formed', $cell->text($res->token // ''), $begin);
}

# Sessions that began before the directive, or on a server without this module.
sub derived {
    my ($cell) = @_;
    my $begin  = int time;
    my $cookie = $cell->bring('user=joe');
    my $name   = encode_base64url(substr sha256('mod_session_crypto session of token 1' . $cell->token($cookie)), 0, 16);
    my $res    = $formats->get("$cell->{path}/life", session => $cookie);
    is(seen($res)->{session}, 'user=joe', 'a session without an entry is read');
    if ($cell->{store} eq 'cookie') {
        my ($birth, $found) = is_new('a session without an entry', $cell->text($res->token // ''), $begin, 'user=joe');
        is($found,              $name,  'its name follows from its token');
        is(seen($res)->{began}, $birth, 'and it begins when it is first seen');
        is(seen($formats->get("$cell->{path}/life", session => $res->token))->{began}, $birth, 'once and for all');
    }
    else {
        is($res->token, undef, 'a row that is only read keeps its key');
        is($cell->text($cookie), 'user=joe', 'and its value');
        ok(seen($res)->{began} >= $begin, 'and the session begins when it is seen');
    }
    # Another copy, which is written to.
    $res = $formats->get("$cell->{path}/life", session => $cookie, 'X-S' => 'cart=1');
    my (undef, $found) = is_new('another copy of it', $cell->text($res->token // ''), $begin);
    is($found, $name, 'has the same name');
    $res = $formats->get("$cell->{path}/life", session => $cell->bring('user=joe'), 'X-S' => 'user=jane');
    (undef, $found) = is_new('a login over it', $cell->text($res->token // ''), $begin);
    isnt($found, $name, 'has a name of its own');
    is(seen($formats->get("$cell->{path}/plain", session => $cell->bring('user=joe')))->{began}, '', 'without a directive there is no birth');
}

# SESSION_BEGAN is that of the session that the application has.
sub shown {
    my ($cell) = @_;
    my $entry = entry();
    # httpd's own module makes no session that has expired.
    my $expiry = time + 0.5;
    my $cookie = $cell->bring(sprintf "user=joe&expiry=%d&$entry", $expiry * 1_000_000);
    sleep 0.01 while time <= $expiry;
    my $seen = seen($formats->get("$cell->{path}/life", session => $cookie));
    is_deeply($seen, { session => '', began => '', before => '' }, 'an expired session shows no birth');
    $seen = seen($formats->get("$cell->{path}/life", session => $cell->bring($entry)));
    is_deeply($seen, { session => '', began => '', before => '' }, 'nor does an entry without a session');
    return;
}

# A page that another one leads to.
sub led_on {
    my ($cell) = @_;
    my $entry = entry();
    my ($birth) = $entry =~ $ENTRY;
    for (['life', $birth], ['named', ''], ['plain', '']) {
        my ($section, $before) = @$_;
        my $cookie = $cell->bring("user=joe&login=1&$entry");
        my $res    = $formats->get("$cell->{path}/to-$section", session => $cookie, 'X-S' => 'cart=1');
        is_deeply(seen($res), { session => 'user=joe&login=1', began => $birth, before => $before },
            "a page to which another one leads ($section): when its session began");
        my $text = $cell->text($res->token // $cookie);
        like($text, qr/\Q$entry\E/, 'and it is the same session');
        like($text, qr/cart=1/,      'with what the page has put there');
    }
    return;
}

sub clear {
    my $client = $formats->client;
    my $entry  = entry();
    is($client->get('/clear', 'X-S' => "user=joe&$entry")->token, "user=joe&$entry", 'in clear, the application may have such an entry');
    my $text = seen($formats->get('/classic/cookie/life', session => "user=joe&$entry"))->{session};
    is($text, '', 'and a session in clear is none where sessions are encrypted');
    $formats->httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'the session in clear');
    return;
}

sub mixed_farm {
    my $c     = $formats->c->client;
    my $page  = '/classic/cookie/life';
    my $entry = entry(900);
    my ($cell) = $formats->cells;
    my $token = $formats->get($page, session => $cell->bring("user=joe&$entry"), 'X-S' => 'cart=1')->token;
    is($c->get('/', session => $token)->body, "user=joe&cart=1&$entry", 'the C module reads our entry');
    $token = $c->get('/', session => $token, 'X-S' => 'cart=2')->token;
    my $res = $formats->get($page, session => $token, 'X-S' => 'cart=3');
    is(seen($res)->{session}, 'user=joe&cart=2', 'and hands it on when it writes the session');
    is($cell->text($res->token), "user=joe&cart=3&$entry", 'so birth and name are the same');
    return;
}

# Asserts that a session has an entry that was made just now, and returns birth and name.
sub is_new {
    my ($name, $text, $begin, $rest) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my @found = $text =~ /$ENTRY/g;
    my ($birth, $found) = @found;
    ok(@found == 2 && $birth >= $begin && $birth <= time && $found ne $NAME, "$name has a birth and a name of its own") or diag("'$text'");
    is($text, "$rest&session-crypto=$birth.$found", 'after its own entries') if defined $rest && @found == 2;
    return ($birth // 'none', $found // 'none');
}

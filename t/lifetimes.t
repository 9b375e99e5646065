# Sessions end when the configuration says: so long after they began, and those that began
# before a date. An ended session is an empty one, and a login over it sticks. In .htaccess,
# the stricter of two values holds.

use strict;
use warnings;

use POSIX      qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Formats qw(seen);
use SessionCrypto::Levels  qw(host);

my $NAME = 'AAECAwQFBgcICQoLDA0ODw';

# A moment of the past, in whole seconds.
my $PAST = int(time) - 1000;

my $formats = SessionCrypto::Formats->new(name => 'lifetimes', config => <<"END" . <<'END');
<LocationMatch "/past\$">
    SessionCryptoNotBefore @{[rfc3339($PAST)]}
</LocationMatch>
END
<LocationMatch "/life">
    SessionCryptoMaxLifetime 1h
</LocationMatch>
<LocationMatch "/life-aged$">
    SessionMaxAge 7200
</LocationMatch>
<LocationMatch "/life-form$">
    AuthType Form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
    Require valid-user
</LocationMatch>
<LocationMatch "/short$">
    SessionCryptoMaxLifetime 4s
    SessionMaxAge 600
</LocationMatch>
END
my $httpd = $formats->httpd;
# The hash of `correct`, made by `openssl passwd -apr1`.
$httpd->write_file('users', 'joe:$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0' . "\n");
$formats->start;

my @cells = $formats->cells;
subtest "$_->{name}: sessions end"           => sub { ends($_) } for @cells;
subtest "$_->{name}: a login over them"      => sub { sticks($_) } for @cells;
subtest "$_->{name}: a date"                 => sub { dates($_) } for @cells;
subtest 'sessions that are used all the time' => sub { used_all_the_time(@cells) };
subtest 'a date in the future'                => sub { future(@cells) };
$formats->httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended, the request goes on with an empty one: it (?:has reached the age of SessionCryptoMaxLifetime|began before the date of SessionCryptoNotBefore)$/, 'ended sessions');
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended, the request goes on with an empty one: its birth is more than a day in the future$/, 'sessions of the future');
$httpd->log->clean;
$formats->stop;

levels();
done_testing;

sub entry { return sprintf 'session-crypto=%d.%s', $_[0], $NAME }

sub rfc3339 { return strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $_[0]) }

# The session that a page sees, without its expiry.
sub session {
    my ($page, $cookie, @headers) = @_;
    return seen($formats->get($page, session => $cookie, @headers))->{session} =~ s/(?:^|&)expiry=\d+//r;
}

sub ends {
    my ($cell) = @_;
    my $page = "$cell->{path}/life";
    # [age in seconds, whether it lives]
    for ([3500, 1], [3600, 0], [100_000_000, 0], [-60, 1], [-86_000, 1], [-90_000, 0], [-100_000_000, 0]) {
        my ($age, $lives) = @$_;
        my $text = 'user=joe&' . entry(time - $age);
        is(session($page, $cell->bring($text)), $lives ? 'user=joe' : '', "$age s after it began");
        my $expiry = int(time + 7200) . '000000';
        is(session($page, $cell->bring("$text&expiry=$expiry")), $lives ? 'user=joe' : '', 'and so with an expiry of the application');
        is(session("$page-aged", $cell->bring("$text&expiry=$expiry")), $lives ? 'user=joe' : '', 'and with SessionMaxAge');
    }
    my $cookie = $cell->bring('user=joe&' . entry(time - 3600));
    my @before = $httpd->log->lines;
    my $res    = $formats->get($page, session => $cookie);
    # One such line a second has the level info, and the others debug.
    my @lines  = grep { / SC0132: / } ($httpd->log->lines)[@before .. $httpd->log->lines - 1];
    is(@lines, 1, 'error_log has one line about it');
    is($res->token, undef, 'its cookie stays without SessionMaxAge');
    $res = $formats->get("$page-aged", session => $cookie);
    like($cell->text($res->token // $cookie), qr/\Aexpiry=\d+\z/, 'with it, an empty session replaces the cookie');
    is(session("$cell->{path}/plain", $cell->bring('user=joe&' . entry(1))), 'user=joe', 'without a directive it goes on');
    return;
}

# The new session has nothing of the ended one.
sub sticks {
    my ($cell) = @_;
    for (['life', time - 3600], ['life-aged', time - 3600], ['past', $PAST - 1], ['past', undef]) {
        my ($section, $birth) = @$_;
        my $cookie = $cell->bring('user=joe&cart=1' . (defined $birth ? '&' . entry($birth) : ''));
        my $page   = "$cell->{path}/$section";
        my $begin  = int time;
        my $res    = $formats->get($page, session => $cookie, 'X-S' => 'user=jane');
        is(seen($res)->{began}, '', "$section: an ended session shows no birth");
        is(session($page, $res->token // ''), 'user=jane', 'a login over it sticks');
        my ($new, $name) = $cell->text($res->token // '') =~ /session-crypto=(\d+)\.([\w-]+)/;
        ok(($new // 0) >= $begin && $name ne $NAME, 'and has its own birth and name');
    }
    my $page = "$cell->{path}/life-form";
    my $cookie = $cell->bring('private-user=joe&private-pw=correct&' . entry(time - 3600));
    is($formats->get($page, session => $cookie)->status, 401, 'an ended session of mod_auth_form lets nobody in');
    my $res = $formats->post($page, 'httpd_username=joe&httpd_password=correct', session => $cookie);
    is($res->status, 200, 'a login does');
    is($formats->get($page, session => $res->token // '')->status, 200, 'and its session, too');
    # A login over a session that lives, whose password is wrong by now.
    $cookie = $cell->bring('private-user=jim&private-pw=former&' . entry(time - 100));
    $res = $formats->post($page, 'httpd_username=joe&httpd_password=correct', session => $cookie);
    like(seen($res)->{session}, qr/private-user=joe/, 'a page shows the session of a login');
    is(seen($res)->{began}, '', 'and not the birth of the one before it');
    isnt(seen($formats->get($page, session => $res->token // ''))->{began}, '', 'which the next page does');
    $httpd->log->expect(qr/AH01807|AH01811|AH02982|AH01808/, 'pages that ask for a login, and a user who is none');
    return;
}

sub dates {
    my ($cell) = @_;
    my $page = "$cell->{path}/past";
    is(session($page, $cell->bring('user=joe&' . entry($PAST + $_->[0]))), $_->[1], "a session that began $_->[0] s after the date")
        for [-1, ''], [0, 'user=joe'], [1, 'user=joe'], [900, 'user=joe'];
    is(session($page, $cell->bring('user=joe')), '', 'a session without a birth');
    is(session($page, $cell->bring('user=joe&session-crypto=1.x')), '', 'and one with a wrong one');
    return;
}

# Uses a session until it ends, as a client does, with the latest cookie.
sub used_all_the_time {
    my (@in_use) = @_;
    my $count = 0;
    my %state = map { $_->{path} => { cookie => $formats->get("$_->{path}/short", 'X-S' => 'user=joe')->token, requests => 0 } } @in_use;
    $state{ $_->{path} }{birth} = ($_->text($state{ $_->{path} }{cookie}) =~ /session-crypto=(\d+)/)[0] for @in_use;
    while (@in_use) {
        die "sessions of 4 s still live\n" if ++$count > 5000;
        my $cell  = shift @in_use;
        my $state = $state{ $cell->{path} };
        my $begin = int time;
        my $res   = $formats->get("$cell->{path}/short", session => $state->{cookie}, 'X-S' => 'cart=' . $state->{requests}++);
        my $end   = $state->{birth} + 4;
        my $seen  = seen($res);
        if ($seen->{session} =~ /user=joe/) {
            ok($begin < $end, "$cell->{name}: it lives for four seconds") if $begin >= $end;
            is($seen->{began}, $state->{birth}, "$cell->{name}: its birth stays") if $seen->{began} ne $state->{birth};
            $state->{cookie} = $res->token // $state->{cookie};
            push @in_use, $cell;
            sleep 0.02;
            next;
        }
        # The last of them has found what two others have written.
        ok(time >= $end && $state->{requests} > 3, "$cell->{name}: it ends after four seconds, whatever is written to it") or diag("request $state->{requests}");
    }
    return;
}

# A file that httpd reads for each request gives a date of the future.
sub future {
    my @before = map { [$_, $_->bring('user=joe&' . entry(time))] } @_;
    my $date = int(time) + 3;
    $httpd->write_file('htdocs/.htaccess', 'SessionCryptoNotBefore ' . rfc3339($date) . "\n");
    for (@before) {
        my ($cell, $cookie) = @$_;
        my $session = session("$cell->{path}/plain", $cookie);
        ok($session eq 'user=joe' || time >= $date, "$cell->{name}: before the date, a session lives") or diag("'$session'");
    }
    my $late = $formats->get('/jwe/cookie/plain', 'X-S' => 'user=jane')->token // '';
    my ($jwe) = grep { $_->{path} eq '/jwe/cookie' } @_;
    my ($birth) = $jwe->text($late) =~ /session-crypto=(\d+)/;
    sleep 0.05 while time < $date;
    for (@before) {
        my ($cell, $cookie) = @$_;
        is(session("$cell->{path}/plain", $cookie), '', "$cell->{name}: from the date on, it does not");
        my $token = $formats->get("$cell->{path}/plain", session => $cookie, 'X-S' => 'user=jane')->token;
        is(session("$cell->{path}/plain", $token // ''), 'user=jane', 'and a login over it sticks');
    }
    is(session('/jwe/cookie/plain', $late), $birth < $date ? '' : 'user=jane', 'a session that was new before the date ends, too');
    return;
}

# Each case: lines of levels, and the age up to which sessions live, in hours. The levels
# are those of SessionCrypto::Levels, in the order in which httpd merges them.
sub levels {
    my $life = sub { "SessionCryptoMaxLifetime $_[0]h" };
    my $date = sub { 'SessionCryptoNotBefore ' . rfc3339(time - 3600 * $_[0]) };
    my @cases;
    for my $line ($life, $date) {
        my $lines = sub { my %at = @_; return { map { $_ => [$line->($at{$_})] } keys %at } };
        push @cases, (
            [$lines->(vhost => 3), 3],
            [$lines->(vhost => 3, directory => 5), 5],
            [$lines->(vhost => 5, directory => 3), 3],
            [$lines->(directory => 5, location => 3), 3],
            [$lines->(location => 3, nested => 5), 5],
            [$lines->(nested => 5, if => 3), 3],
            # The stricter holds.
            [$lines->(htaccess => 5), 5],
            [$lines->(directory => 3, htaccess => 5), 3],
            [$lines->(directory => 5, htaccess => 3), 3],
            [$lines->(vhost => 3, htaccess => 5), 3],
            [$lines->(vhost => 5, directory => 3, htaccess => 4), 3],
            [{ directory => [$line->(3)], htaccess => ['<Files "*">', $line->(5), '</Files>'] }, 3],
            [{ directory => [$line->(3)], htaccess => ['<If "true">', $line->(5), '</If>'] }, 3],
            [{ directory => [$line->(5)], htaccess => ['<If "true">', $line->(3), '</If>'] }, 3],
            [{ htaccess => [$line->(3), '<If "true">', $line->(5), '</If>'] }, 3],
            # The administrator's own sections come after the file.
            [$lines->(directory => 3, htaccess => 2, location => 5), 5],
        );
    }
    # The later of two lines of one section counts.
    push @cases, [{ directory => [$life->(3), $life->(5)] }, 5], [{ htaccess => [$life->(5), $life->(3)] }, 3];
    # The latest date counts that has come.
    my $future = $date->(-100);
    push @cases, (
        [{ directory => [$date->(3), $date->(5)] }, 3],
        [{ directory => [$date->(5), $future, $date->(3)] }, 3],
        [{ directory => [$future] }, 7],
        [{ directory => [$date->(3), $future] }, 3],
        [{ directory => [$date->(3)], htaccess => [$future] }, 3],
        [{ directory => [$date->(5)], htaccess => [$future, $date->(3)] }, 3],
        [{ directory => [$future], htaccess => [$date->(3)] }, 3],
        [{ directory => [$future], htaccess => [$future] }, 7],
        [{ htaccess => [$date->(3), '<If "true">', $future, '</If>'] }, 3],
        # The administrator's inner section replaces the dates of the outer one.
        [{ directory => [$date->(3)], location => [$future] }, 7],
    );
    push @cases, [{ directory => [$life->(5), $date->(3)] }, 3], [{ directory => [$life->(3)], htaccess => [$date->(5)] }, 3];

    my $server = SessionCrypto::Httpd->new(name => 'lifetimes_levels', config => <<'END');
SessionCryptoPassphrase "a passphrase of three formats"
SessionCryptoCipher aes-256-gcm
END
    $server->{config} .= host($server, $_, $cases[$_][0]) for 0 .. $#cases;
    $server->start;
    my $jwe = SessionCrypto::Jwe->new(passphrase => 'a passphrase of three formats');
    for my $number (0 .. $#cases) {
        my ($levels, $hours) = @{ $cases[$number] };
        my $client = $server->client(host => "case$number");
        my @lives  = grep {
            my $token = $jwe->token(session => 'user=joe&' . entry(time - 3600 * $_ - 1800));
            $client->get('/in/nested/', session => $token)->body eq 'user=joe'
        } 1 .. 6;
        my $name = join ', ', map { "$_: @{$levels->{$_}}" } sort keys %$levels;
        is("@lives", join(' ', 1 .. $hours - 1), "$hours h: $name");
    }
    $server->stop;
    $server->log->expect(qr/session ended, the request goes on/, 'ended sessions');
    $server->log->clean;
    return;
}

# Each published vulnerability of mod_session and its companions, tried against this module:
# none of them works. Each part says in its comment what the vulnerability was. It also shows
# that the attack would be seen: a model of the old module falls to it, or a section without
# the protection does.
#
# httpd itself has mended most of them, each in the version that is named. They are tried all
# the same, because this module stands between mod_session and the session.

use strict;
use warnings;

use Crypt::KeyDerivation qw(pbkdf2);
use Crypt::Mode::CBC     ();
use Crypt::PRNG          qw(random_bytes);
use MIME::Base64         qw(decode_base64 decode_base64url encode_base64 encode_base64url);
use Test::More;

use SessionCrypto::Batch    qw(BATCH);
use SessionCrypto::Classic  qw(padded unpadded);
use SessionCrypto::Database qw($CONNECTION $STATEMENTS);
use SessionCrypto::Httpd    ();
use SessionCrypto::Jwe      qw(parts);
use SessionCrypto::Refusal  qw(children_live replaced);
use SessionCrypto::Session  qw(decode encode);

use constant { PASSPHRASE => 'a passphrase of old mistakes', SESSION => 'user=joe&role=administrator' };

# The process environment as a CGI program has it. A shell drops the second of two variables
# with one name, so the program reads /proc.
my $CGI = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ntr '\\0' '\\n' < /proc/\$\$/environ\n";
my ($cgi) = grep { SessionCrypto::Httpd::has_module($_) } qw(cgid cgi);

my $classic = SessionCrypto::Classic->new(passphrase => PASSPHRASE, cipher => 'aes256');
my $jwe     = SessionCrypto::Jwe->new(passphrase => PASSPHRASE);
my %cipher  = (classic => 'aes256', jwe => 'aes-256-gcm');
my $httpd   = SessionCrypto::Httpd->new(name => 'cves', echo => '^/(?!cgi|plain)', with => [$cgi], config => BATCH . <<"END");
SessionCryptoPassphrase "@{[PASSPHRASE]}"
SessionCryptoCipher aes256
<LocationMatch "^/jwe">
    SessionCryptoCipher aes-256-gcm
</LocationMatch>
<LocationMatch "/life\$">
    SessionCryptoMaxLifetime 1h
</LocationMatch>
<LocationMatch "/aged\$">
    SessionMaxAge 100
</LocationMatch>
<IfModule mod_cgid.c>
    ScriptSock "\@DIR\@/cgisock"
</IfModule>
ScriptAlias /cgi/   "\@DIR\@/cgi/"
ScriptAlias /plain/ "\@DIR\@/cgi/"
<Directory "\@DIR\@/cgi">
    Require all granted
</Directory>
<Location /cgi/jwe>
    SessionCryptoCipher aes-256-gcm
</Location>
<Location /plain>
    SessionEnv Off
</Location>
END
$httpd->write_file("cgi/$_", $CGI, 0755) for qw(classic jwe);
chmod 0755, $httpd->dir . '/cgi';
$httpd->start;
my @children = $httpd->children;
my $client   = $httpd->client;
my $batch    = SessionCrypto::Batch->new($httpd);
my %seal     = (classic => sub { $classic->token($_[0]) }, jwe => sub { $jwe->token(session => $_[0]) });

subtest 'CVE-2016-0736'  => \&padding_oracle;
subtest 'CVE-2018-1283'  => \&session_header_of_client;
subtest 'CVE-2018-17199' => \&expiry_ignored;
subtest 'CVE-2021-26690' => \&cookie_without_names;
subtest 'CVE-2021-26691' => \&session_of_backend;
children_live($httpd, @children);
$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'forged tokens');
$httpd->log->expect(qr/browsers may drop the cookie/, 'sessions that no cookie would take');
$httpd->log->clean;

subtest 'CVE-2026-47360' => \&cookie_of_redirect;
subtest 'CVE-2013-2249'  => \&row_of_database;
done_testing;

# CVE-2016-0736, mended in httpd 2.4.25. mod_session_crypto encrypted in CBC mode without a
# MAC, and an answer told whether the padding was right: a padding oracle decrypts sessions,
# and encrypts others. An attacker changes the block before the one that he decrypts, and asks
# 256 times for each byte. Here all answers are alike: nothing is learned.
sub padding_oracle {
    my $old = old_module();
    my $of_old = $old->{seal}->(SESSION);
    is(decrypted($of_old, 16, sub { map { $old->{opens}->($_) ? 'a session' : 'none' } @_ }), SESSION,
        'the attack decrypts a session of a module without a MAC');

    for my $format (qw(classic jwe)) {
        my $path  = "/$format";
        my $token = $client->get($path, 'X-S' => SESSION)->token;
        is($client->get($path, session => $token)->body, SESSION, "$format: a session");
        # The bytes that an attacker changes, and the token with them.
        my ($bytes, $start, $again) = $format eq 'classic'
            ? (substr(decode_base64($token), 8), 16, sub { encode_base64(substr(decode_base64($token), 0, 8) . $_[0], '') })
            : do {
                my @parts = parts($token);
                my $nonce = decode_base64url($parts[2]);
                ($nonce . "\0" x 4 . decode_base64url($parts[3]), 0,
                    sub { join '.', @parts[0, 1], encode_base64url(substr $_[0], 0, length $nonce), encode_base64url(substr $_[0], 16), $parts[4] });
            };
        my %seen;
        my $answers = sub {
            my @answers = $batch->ask(map { [$path, session => $again->($_)] } @_);
            my @texts   = map { $_->text =~ s/^Date: .*\r\n//mr } @answers;
            $seen{$_}++ for @texts;
            return @texts;
        };
        is(decrypted($bytes, $start, $answers), undef, "$format: the same attack learns no byte");
        # The guess that changes nothing is the true token.
        my @kinds = map { /\Q${\SESSION}/ ? 'the session' : 'no session' } keys %seen;
        is_deeply([sort @kinds], ['no session', 'the session'], "$format: all tokens but the true one have one answer");
    }
    is($client->get('/classic', session => encode_base64($of_old, ''))->body, '', 'a token without a MAC is no session');
    return;
}

# Tokens as before 2.4.25: salt, IV and ciphertext.
sub old_module {
    my $salt = random_bytes(16);
    my $cbc  = Crypt::Mode::CBC->new('AES', 0);
    my $key  = pbkdf2(PASSPHRASE, $salt, 4096, 'SHA1', 32);
    return {
        seal  => sub { my $iv = random_bytes(16); $salt . $iv . $cbc->encrypt(padded($_[0], 16), $key, $iv) },
        opens => sub { my (undef, $iv, $blocks) = unpack 'a16 a16 a*', $_[0]; defined unpadded($cbc->decrypt($blocks, $key, $iv)) },
    };
}

# The plaintext after `start` and one more block, if the answers to changed bytes tell whether
# the padding is right, and undef if they do not. Vaudenay, "Security Flaws Induced by CBC
# Padding". The bytes that are asked for begin with the whole token, so that an answer to right
# padding has a session in it.
sub decrypted {
    my ($bytes, $start, $answers) = @_;
    my @blocks = unpack "x$start (a16)*", $bytes;
    my $plaintext = '';
    for my $number (1 .. $#blocks) {
        my $known = '';
        for my $count (1 .. 16) {
            my $tail = $known ^ chr($count) x ($count - 1);
            # With some bytes in front, what a right guess decrypts to is no session.
            my @right;
            for my $front ("\0", "\x55", "\xaa", "\x33") {
                my @guesses = map { $bytes . $front x (16 - $count) . chr($_) . $tail . $blocks[$number] } 0 .. 255;
                my @answers = $answers->(@guesses, $bytes);
                pop @answers;
                my %count;
                $count{$_}++ for @answers;
                my ($wrong) = sort { $count{$b} <=> $count{$a} } keys %count;
                @right = grep { $answers[$_] ne $wrong } 0 .. 255;
                # The last byte has more than one right guess if longer padding is right too.
                # A change of the byte before it spoils that.
                @right = grep { ($answers->(changed($guesses[$_], -18)))[0] ne $wrong } @right if $count == 1 && @right > 1;
                last if @right == 1;
            }
            return undef if @right != 1;
            $known = chr($right[0] ^ $count) . $known;
        }
        $plaintext .= $known ^ $blocks[$number - 1];
    }
    return unpadded($plaintext);
}

sub changed {
    my ($bytes, $offset) = @_;
    substr($bytes, $offset, 1) ^= "\1";
    return $bytes;
}

# CVE-2018-1283, mended in httpd 2.4.30. `SessionEnv On` gives the session to CGI programs as
# HTTP_SESSION, which is also the variable of a request header `Session`: without a session, a
# client wrote one itself.
sub session_header_of_client {
    my $session_of = sub {
        my ($path, @headers) = @_;
        my $res = $client->get($path, @headers);
        return join ' and ', map { "$_->[0]=$_->[1]" } grep { $_->[1] ne '' } map { [split /=/, $_, 2] } grep { /^HTTP_SESSION(?:=|_)/ } split /\n/, $res->body;
    };
    is($session_of->('/plain/classic', Session => 'user=admin'), 'HTTP_SESSION=user=admin', 'without SessionEnv, the header is a variable');
    for my $format (qw(classic jwe)) {
        my $path  = "/cgi/$format";
        my $token = $seal{$format}->('user=joe');
        my %cookie = (
            'no cookie'           => [[], ''],
            'an empty cookie'     => [[session => ''], ''],
            'a junk cookie'       => [[session => 'junk'], ''],
            'a session in clear'  => [[session => 'user=admin'], ''],
            'a forged token'      => [[session => $token =~ s/(.)(.)\z/$2$1/r . 'A'], ''],
            'an empty session'    => [[session => $seal{$format}->('')], ''],
            'an expired session'  => [[session => $seal{$format}->('user=joe&expiry=1')], ''],
            'a session'           => [[session => $token], 'HTTP_SESSION=user=joe'],
        );
        for my $name (sort keys %cookie) {
            my ($headers, $expected) = @{ $cookie{$name} };
            for my $header (qw(Session sessioN SESSION)) {
                is($session_of->($path, @$headers, $header => 'user=admin'), $expected, "$format: $name and a header $header");
            }
        }
    }
    return;
}

# CVE-2018-17199, mended in httpd 2.4.38. mod_session looked at the expiry of a session before
# it was decoded, so that a session of mod_session_cookie had none yet: sessions never expired.
sub expiry_ignored {
    my $now = time;
    for my $format (qw(classic jwe)) {
        for my $page ('', '/aged', '/life') {
            my $path = "/$format$page";
            my $seen = sub { $client->get($path, session => $seal{$format}->($_[0]))->body =~ s/&?session-crypto=[^&]*//r };
            like($seen->('user=joe&expiry=' . ($now + 60) . '000000'), qr/\buser=joe\b/, "$path: a session that expires later");
            my %expired = (
                'a minute ago'         => 'user=joe&expiry=' . ($now - 60) . '000000',
                'in 1970'              => 'user=joe&expiry=1',
                'before its entries'   => 'expiry=1&user=joe',
                'twice'                => 'expiry=1&user=joe&expiry=1',
                'at last'              => 'expiry=' . ($now + 60) . '000000&user=joe&expiry=1',
            );
            for my $name (sort keys %expired) {
                unlike($seen->($expired{$name}), qr/joe/, "$path: a session that expired $name is none");
            }
        }
    }
    return;
}

# CVE-2021-26690, mended in httpd 2.4.47. mod_session followed a NULL pointer where a pair of
# the session had no name, as in a cookie `session==`, and the child crashed.
sub cookie_without_names {
    my @texts = ('=', '==', '===&===', '&', '&&&&', '&=', '=&', '=&=', '=value', '&=value&', 'user', 'user=', 'user&=',
        'user=joe&=', '=&user=joe', 'user==joe', 'user=joe=', 'expiry', 'expiry=', 'expiry==', 'expiry=x', '%', '%=%', '%zz=%zz',
        '%3d=%26', '%00=%00', 'user=%00joe', '+=+', "\xff=\xfe");
    my %names = map { $_ => 1 } @texts;
    for my $format (qw(classic jwe)) {
        for my $page ('', '/aged', '/life') {
            my $path = "/$format$page";
            my @wrong;
            for my $text (sort keys %names) {
                my %answers = (
                    'as it is'  => $client->get($path, session => $text),
                    sealed      => $client->get($path, session => $seal{$format}->($text)),
                    'and saved' => $client->get($path, session => $seal{$format}->($text), 'X-S' => 'user=jane'),
                    # Two cookies of that name, and none.
                    twice       => $client->get($path, Cookie => "session=$text; session=$text"),
                    nameless    => $client->get($path, Cookie => "=$text; session"),
                );
                push @wrong, map { $answers{$_}->status == 200 ? () : "'$text' $_: status " . $answers{$_}->status } sort keys %answers;
                push @wrong, "'$text' as it is: " . $answers{'as it is'}->body if $answers{'as it is'}->body =~ /user|value/;
            }
            is_deeply(\@wrong, [], "$path: " . @texts . ' sessions without names crash nobody');
        }
    }
    is($client->get('/classic', session => $seal{classic}->('=&user=joe'))->body, 'user=joe', 'the other pairs count');
    return children_live($httpd, @children);
}

# CVE-2021-26691, mended in httpd 2.4.47. mod_session counted the bytes of a session that a
# backend gives (SessionHeader) one too few for each pair, and wrote past the end of its
# buffer. Each session here needs all of its bytes, and comes back whole.
sub session_of_backend {
    for my $format (qw(classic jwe)) {
        for my $page ('', '/life') {
            my $path = "/$format$page";
            my @wrong;
            for my $count (1, 2, 3, 7, 8, 9, 63, 64, 65, 500) {
                for my $sizes ([1, 1], [1, 2], [3, 1], [8, 8]) {
                    my ($name, $value) = @$sizes;
                    next if $name == 1 && $count > 60;
                    # Each byte takes three, which is the worst.
                    my %session = map { (($name > 1 ? sprintf('%%%02d', $_ % 100) . $_ : chr 33 + $_ % 28 + 94 * ($_ > 27)) => "\xff" x $value) } 1 .. $count;
                    my $text   = encode(\%session);
                    my $set    = $client->get($path, 'X-S' => $text);
                    my $opened = $client->get($path, session => $set->token // '');
                    my $found  = $opened->body =~ s/&?session-crypto=[^&]*//r;
                    push @wrong, "$count pairs of $name and $value bytes" if encode(decode($found)) ne encode({ %session });
                }
            }
            is_deeply(\@wrong, [], "$path: sessions of a backend come back whole");
            my @status = map { $client->get($path, 'X-S' => $_)->status } '=', '==', '&', '=&=', '%', 'a', '=' x 8000, '&' x 8000, 'a&' x 4000, 'a=&' x 4000;
            is_deeply(\@status, [(200) x @status], "$path: and those without names or values crash nobody");
        }
    }
    return children_live($httpd, @children);
}

# CVE-2026-47360, mended in httpd 2.4.69. Where SessionCookieRemove differs between a section
# and the one that an internal redirect leads to, a backend got the cookie of the session.
# Below that version, this module warns of such lines (SC0406).
sub cookie_of_redirect {
    plan(skip_all => 'this httpd has no mod_proxy_http') if !SessionCrypto::Httpd::has_module('proxy_http');
    my $back = SessionCrypto::Httpd->new(name => 'cves-back', module => 'none', loglevel => 'info', session => "Header echo Cookie\n")->start;
    my $front = SessionCrypto::Httpd->new(
        name => 'cves-front', with => [qw(proxy proxy_http rewrite)], echo => '^/(?:app|none)', config => sprintf(<<'END', PASSPHRASE, $back->port));
SessionCryptoPassphrase "%s"
ErrorDocument 404 /backend
RewriteEngine On
RewriteRule "^/rewritten" "/backend" [PT]
ProxyPass /backend http://127.0.0.1:%d/
<LocationMatch "^/(?:backend|rewritten)">
    SessionCookieRemove On
</LocationMatch>
END
    $front->start;
    my $token = $front->client->get('/app', 'X-S' => SESSION)->token;
    my $warns = () = $front->log->lines(qr/\[session_crypto:warn\] .*SC0406: /);
    my $other = 'other=kept';
    for my $path (qw(/backend /missing /rewritten)) {
        my $res    = $front->client->get($path, Cookie => "session=$token; $other");
        my ($seen) = $res->header('cookie');
        like($seen // '', qr/\Q$other/, "$path: the backend answers, and gets the other cookies");
        if ($warns && $path eq '/missing') { note('this httpd has the mistake, and the module warns of it') }
        else                               { unlike($seen // '', qr/session=|\Q$token/, "$path: the backend does not get the session's cookie") }
    }
    $_->stop for $front, $back;
    $front->log->expect(qr/SC0406/, 'an httpd before 2.4.69');
    $_->log->clean for $front, $back;
    return;
}

# CVE-2013-2249, mended in httpd 2.4.6. mod_session_dbd saved each session whether it had
# changed or not, and under its old key when it had: whoever knew the key of a session before
# a login had the session after it.
sub row_of_database {
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    for my $format (qw(classic jwe)) {
        my $server = SessionCrypto::Httpd->new(
            name => "cves-dbd-$format", one_child => 1, session => '', config => $CONNECTION, handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"));
        my ($ok, $output) = $server->check;
        plan(skip_all => 'no driver for sqlite3: install libaprutil1-dbd-sqlite3') if !$ok && $output =~ /DBDriver/i;
        my $sql = sub { split /\n/, $server->client->get('/sql', 'X-Sql' => $_[0])->body };
        $server->start;
        $sql->('create table session (key text primary key, value text, expiry integer)');
        $server->stop;
        $server->{config} .= $STATEMENTS . sprintf <<'END', PASSPHRASE, $cipher{$format};
Session On
SessionEnv On
SessionHeader X-S
SessionDBDCookieName session path=/
SessionDBDCookieRemove Off
SessionCryptoPassphrase "%s"
SessionCryptoCipher %s
END
        $server->start;
        my $guest = $server->client->get('/', 'X-S' => 'cart=1')->token;
        my @row   = $sql->('select * from session');
        is($server->client->get('/', session => $guest)->token, undef, "$format: a session that is read is not saved");
        is_deeply([$sql->('select * from session')], \@row, 'and its row stays as it is');
        my $user = $server->client->get('/', session => $guest, 'X-S' => 'user=joe')->token;
        isnt($user, $guest, "$format: a session that changes has another key");
        like($server->client->get('/', session => $user)->body, qr/user=joe/, 'which finds it');
        is($server->client->get('/', session => $guest)->body, '', 'and the former key finds nothing');
        $server->stop;
        $server->log->clean;
    }
    return;
}

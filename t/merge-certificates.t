# Merging of certificates, their keys and engines, as in t/merge.t: the settings of a
# section win over those of the sections around it, each setting on its own.
#
# Each case is a virtual host with settings at some of the levels of
# SessionCrypto::Levels. The certificate that should have won seals the case's token.
# The case opens the tokens for its list of certificates and no others. Settings that do
# not work together keep no session, and none goes out in clear.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64);
use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate key_in);
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(header);
use SessionCrypto::Levels         qw(@LEVELS host outer);

# The key of each is also in NAME.locked, encrypted with the passphrase opens-NAME.
my @NAMES = qw(a b c);

my $files = SessionCrypto::Httpd->new(name => 'merge_files')->dir;
my %key;
for my $name (@NAMES) {
    my $pair = certificate($files, $name, 'ec:P-256');
    $key{$name} = SessionCrypto::CertificateJwe->new(%$pair);
    key_in('encrypted PKCS#8', $pair, "$files/$name.locked", "opens-$name");
}

# [name, { level => [lines] }, the list in force or nothing, what else its tokens say]
my @cases = (single_levels(), pairs(), three_levels(), lists(), beside_passphrases(), of_no_use());
for my $at_server (sort { $a cmp $b } keys %{ { map { server_lines($_) => 1 } @cases } }) {
    run_cases($at_server, grep { server_lines($_) eq $at_server } @cases);
}
engines();
done_testing;

sub certificates { return 'SessionCryptoCertificateFile ' . join ' ', map { "$files/$_.pem" } @_ }

sub keys_of { return 'SessionCryptoCertificateKeyFile ' . join ' ', map { "$files/$_.key" } @_ }

sub locked { return "SessionCryptoCertificateKeyFile $files/$_[0].locked" }

sub passphrases { return 'SessionCryptoPassphrase ' . join ' ', map { "opens-$_" } @_ }

sub both { return (certificates(@_), keys_of(@_)) }

sub single_levels {
    return map { (
        ["certificate and key at $_", { $_ => [both('a')] }, ['a']],
        ["certificate, encrypted key and passphrase at $_", { $_ => [certificates('a'), locked('a'), passphrases('b', 'a')] }, ['a']],
    ) } @LEVELS;
}

sub pairs {
    my @pairs;
    for my $inner (@LEVELS) {
        for my $outer (outer($inner)) {
            my $where = "at $outer and $inner";
            push @pairs,
                ["certificate and key $where", { $outer => [both('a')], $inner => [both('b')] }, ['b']],
                ["certificate and encrypted key at $outer, passphrase $where",
                    { $outer => [certificates('a'), locked('a'), passphrases('a')], $inner => [passphrases('b', 'a')] }, ['a']],
                ["certificate and key at $outer, cipher at $inner",
                    { $outer => [both('a')], $inner => ['SessionCryptoCipher aes-128-gcm'] }, ['a'], { enc => 'A128GCM' }],
                $inner eq 'htaccess' ? () : ["certificate and key at $outer, purpose at $inner",
                    { $outer => [both('a')], $inner => ['SessionCryptoPurpose shop'] }, ['a'], { purpose => 'shop' }];
            next if !may_need($outer);
            push @pairs,
                ["certificate $where, keys of both at $outer", { $outer => [certificates('a'), keys_of('a', 'b')], $inner => [certificates('b')] }, ['b']],
                ["certificate at $outer, key $where", { $outer => [both('a')], $inner => [keys_of('b', 'a')] }, ['a']],
                ["passphrase at $outer, certificate and encrypted key at $inner",
                    { $outer => [passphrases('a')], $inner => [certificates('a'), locked('a')] }, ['a']],
                # Beside a certificate, httpd's start wants a use for each passphrase.
                $inner eq 'htaccess' ? () : ["passphrase and another certificate at $outer, certificate and encrypted key at $inner",
                    { $outer => [both('b'), passphrases('a')], $inner => [certificates('a'), locked('a')] }, ['a']];
        }
    }
    return @pairs;
}

# httpd does not read .htaccess at startup, so the other sections must work without it.
sub may_need { return $_[0] ne 'htaccess' }

# Certificate, encrypted key and passphrase, each from another level.
sub three_levels {
    my @cases;
    for my $levels (
        [qw(directory location nested)], [qw(directory nested location)], [qw(location directory nested)],
        [qw(location nested directory)], [qw(nested directory location)], [qw(nested location directory)],
        map({ [$_, qw(directory nested)], [$_, qw(location directory)] } qw(server vhost)),
        map({ [$_, qw(nested if)], [$_, qw(if nested)] } qw(server vhost directory location)),
    ) {
        my ($passphrase, $key, $certificate) = @$levels;
        push @cases, ["passphrase at $passphrase, key at $key, certificate at $certificate",
            { $passphrase => [passphrases('a')], $key => [locked('a')], $certificate => [certificates('a')] }, ['a']];
    }
    return @cases;
}

sub lists {
    my @cases;
    for my $level (@LEVELS) {
        push @cases,
            ["two certificates on a line at $level", { $level => [both('a', 'b')] }, ['a', 'b']],
            ["two lines at $level append",           { $level => [both('b'), both('a')] }, ['b', 'a']],
            ["certificate, key, certificate, key at $level", { $level => [certificates('c'), keys_of('a'), certificates('a', 'b'), keys_of('b', 'c')] }, ['c', 'a', 'b']];
        push @cases, map {
            ["a list at $level replaces that at $_", { $_ => [both('a', 'b')], $level => [both('c')] }, ['c']],
            ["a list at $level replaces the certificate at $_", { $_ => [both('c')], $level => [both('b', 'a')] }, ['b', 'a']],
        } outer($level);
    }
    return @cases, ['a section that sets another setting keeps the whole list',
        { vhost => [both('a', 'b')], location => ['SessionCryptoCipher aes-192-gcm'] }, ['a', 'b'], { enc => 'A192GCM' }];
}

# A certificate seals wherever it is in force, and passphrases beside it open keys. A
# passphrase below a certificate that needs none is a mistake (t/startup-secrets.t).
# Only a request finds it in .htaccess, and in sections that may or may not meet.
sub beside_passphrases {
    return map {
        my $inner = $_;
        map { (
            ["a certificate at $inner inside a passphrase at $_", { $_ => [passphrases('b')], $inner => [both('a')] }, ['a']],
            $inner eq 'htaccess' || "$_ $inner" =~ /^directory (?:location|nested)$/
                ? ["a passphrase at $inner inside a certificate at $_", { $_ => [both('a')], $inner => [passphrases('b')] }] : (),
        ) } outer($inner);
    } @LEVELS;
}

# Mistakes in .htaccess, which only a request can find.
sub of_no_use {
    return map {
        my $inner = $_;
        my @outer = grep { $_ ne 'htaccess' } outer($inner);
        (
            ["a certificate without a key at $inner", { $inner => [certificates('a')] }],
            ["a key without a certificate at $inner", { $inner => [keys_of('a')] }],
            map { (
                ["another's key at $inner, certificate at $_",        { $_ => [both('a')], $inner => [keys_of('b')] }],
                ["another certificate at $inner, key at $_",          { $_ => [both('a')], $inner => [certificates('b')] }],
                ["a second certificate without a key at $inner",      { $_ => [both('a')], $inner => [certificates('a', 'b')] }],
                ["a wrong passphrase at $inner, key at $_",           { $_ => [certificates('a'), locked('a'), passphrases('a')], $inner => [passphrases('b')] }],
                ["a key without a certificate at $inner, passphrase at $_", { $_ => [passphrases('a')], $inner => [keys_of('a')] }],
                ["a CBC cipher at $inner, certificate at $_",         { $_ => [both('a')], $inner => ['SessionCryptoCipher aes256'] }],
            ) } @outer,
        );
    } 'htaccess';
}

sub server_lines { return join "\n", @{ $_[0][1]{server} // [] } }

sub run_cases {
    my ($at_server, @cases) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => 'merge_certificates');
    $httpd->{config} = join "\n", $at_server, map { host($httpd, $_, $cases[$_][1]) } 0 .. $#cases;
    $httpd->start;
    is_merged($httpd, $_, @{ $cases[$_] }) for 0 .. $#cases;
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'a token for another certificate');
    $httpd->log->expect(qr/\[session_crypto:warn\] .* does nothing, and sessions go out in clear/, 'the certificate is in .htaccess');
    $httpd->log->expect(qr/\[session_crypto:warn\] .* would do nothing in a request that/, 'a passphrase inside a certificate');
    $httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'settings that do not work together') if grep { !$_->[2] } @cases;
    $httpd->log->clean;
    return;
}

sub is_merged {
    my ($httpd, $number, $name, $levels, $list, $says) = @_;
    my $client = $httpd->client(host => "case$number");
    my $token  = $client->get('/in/nested', 'X-S' => 'user=joe')->token // '';
    my %of     = map { $_ => $key{$_}->token(session => 'user=jane', %{ $says // {} }) } @NAMES;
    my @opens  = grep { $client->get('/in/nested', session => $of{$_})->body eq 'user=jane' } @NAMES;
    if (!$list) {
        is($token, '', "$name: no session is sent");
        is("@opens", '', 'and none is opened');
        return;
    }
    my ($seals) = grep { ($key{$_}->open($token, $says->{purpose}) // '') eq 'user=joe' } @NAMES;
    is($seals // "an unknown certificate: $token", $list->[0], "$name: the first certificate in force seals");
    is("@opens", join(' ', sort @$list), 'and all of its list open');
    my $enc = $says->{enc} // 'A256GCM';
    like(header($token), qr/"enc":"$enc"/, 'by the cipher in force');
    return;
}

# Only the legacy provider has this cipher.
sub engines {
    my $cipher = 'SessionCryptoCipher cast5-cbc';
    my %engine = map { $_ => "SessionCryptoEngine $_" } qw(default legacy);
    my @cases;
    for my $inner (@LEVELS) {
        push @cases, ["engine and cipher at $inner", { $inner => [$engine{legacy}, $cipher] }, 1],
            ["the last of two engines at $inner", { $inner => [@engine{qw(default legacy)}, $cipher] }, 1];
        for my $outer (outer($inner)) {
            push @cases, ["engine at $outer and $inner", { $outer => [$engine{default}], $inner => [$engine{legacy}, $cipher] }, 1];
            push @cases, ["engine at $outer, cipher at $inner", { $outer => [$engine{legacy}], $inner => [$cipher] }, 1] if may_need($outer);
            push @cases, ["another engine at $inner, without the cipher", { $outer => [$engine{legacy}, $cipher], $inner => [$engine{default}] }, 0]
                if $inner eq 'htaccess' && $outer ne 'htaccess';
        }
    }
    push @cases, ["the driver's engine, cipher at $_", { server => ['SessionCryptoDriver openssl engine=legacy'], $_ => [$cipher] }, 1]
        for grep { $_ ne 'server' } @LEVELS;
    for my $at_server (sort { $a cmp $b } keys %{ { map { server_lines($_) => 1 } @cases } }) {
        my @here  = grep { server_lines($_) eq $at_server } @cases;
        my $httpd = SessionCrypto::Httpd->new(name => 'merge_engines');
        # .htaccess may name an engine that the server uses.
        $httpd->{config} = join "\n", 'SessionCryptoPassphrase secret', $at_server, '<Location /elsewhere>', @engine{qw(default legacy)}, '</Location>',
            host($httpd, 'probe', { vhost => [$engine{legacy}, $cipher] }), map { host($httpd, $_, $here[$_][1]) } 0 .. $#here;
        $httpd->start;
        my $probe = $httpd->client(host => 'caseprobe');
        for my $number (0 .. $#here) {
            my ($name, undef, $seals) = @{ $here[$number] };
            my $token = $httpd->client(host => "case$number")->get('/in/nested', 'X-S' => 'user=joe')->token // '';
            is($probe->get('/', session => $token)->body, 'user=joe', "$name: it seals") if $seals;
            is($token, '', "$name: no session is sent") if !$seals;
            unlike($token . decode_base64($token), qr/user=/, 'and not in clear');
        }
        $httpd->stop;
        $httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'an engine without the cipher') if grep { !$_->[2] } @here;
        $httpd->log->clean;
    }
    return;
}

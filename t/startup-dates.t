# A certificate that has expired, or is not valid yet, brings a warning if it seals: at
# `httpd -t`, and once when httpd starts. Sessions still work with it.

use strict;
use warnings;

use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate);
use SessionCrypto::Httpd          ();
use SessionCrypto::Startup        qw(is_accepted line_of);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-dates');
my $dir   = $httpd->dir;
my %pair  = (
    valid   => certificate($dir, 'valid',   'ec:P-256'),
    expired => certificate($dir, 'expired', 'ec:P-256', from => -20, to => -10),
    early   => certificate($dir, 'early',   'rsa:2048', from => 10,  to => 20),
);
my %key = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }) } keys %pair;

# A list of certificates, and what the warning says of the first.
my @LISTS = (
    ['expired',             'expired', 'has expired'],
    ['early',               'early',   'is not valid yet'],
    ['expired valid',       'expired', 'has expired'],
    ['early expired valid', 'early',   'is not valid yet'],
    ['valid'],
    ['valid expired'],
    ['valid early expired'],
);

for (@LISTS) {
    my ($list, $name, $says) = @$_;
    my @names = split ' ', $list;
    # Sections below it with the same list, which bring no second warning.
    $httpd->{config} = certificates(@names) . <<'END_OF_CONFIG';
<Location /purpose>
SessionCryptoPurpose shop
</Location>
<Location /digest>
SessionCryptoDigest SHA256
</Location>
<VirtualHost *>
ServerName a
</VirtualHost>
<VirtualHost *>
ServerName b
</VirtualHost>
END_OF_CONFIG
    my $output = is_accepted($httpd, $list);
    is_warned([grep { /\[session_crypto:/ } split /\n/, $output], "httpd -t, $list", $name, $says);

    $httpd->start;
    is_warned([$httpd->log->lines(qr/\[session_crypto:(?!info\] .* SC0501: )/)], "error_log, $list", $name, $says);
    my $client = $httpd->client;
    my $token  = $client->get('/', 'X-S' => 'user=joe')->token // '';
    is($key{ $names[0] }->open($token), 'user=joe', "the first of $list seals");
    is($client->get('/', session => $token)->body, 'user=joe', 'and opens');
    for my $other (@names[1 .. $#names]) {
        my $res = $client->get('/', session => $key{$other}->token(session => 'user=jane'));
        is($res->body, 'user=jane', "$other opens, too");
    }
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:warn\] .*\Q$dir\E\/$name\.pem $says/, 'the warning above') if $name;
    $httpd->log->clean('nothing else in error_log');
}

done_testing;

sub certificates {
    my @names = @_;
    return "SessionCryptoCertificateFile @{[map { qq($_.pem) } @names]}\n"
        . "SessionCryptoCertificateKeyFile @{[map { qq($_.key) } @names]}\n";
}

# Asserts that these lines are one warning about a certificate, or none.
sub is_warned {
    my ($lines, $where, $name, $says) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is(@$lines, $name ? 1 : 0, "$where: a warning, or none") or diag(join "\n", @$lines);
    return if !$name;
    my $line = line_of($httpd->conf, 'SessionCryptoCertificateFile');
    like($lines->[0], qr/\[session_crypto:warn\] .*on line $line of \Q${\$httpd->conf}\E: SessionCryptoCertificateFile: .*\Q$dir\E\/$name\.pem $says/,
        'of the first certificate, by its line');
    return;
}

# A lifetime, a date or a name of an entry that is written wrong is refused: by `httpd -t`
# in the server configuration, and with the request in a .htaccess file. The message says
# what to write instead.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(HTACCESS host inside is_quiet is_warned is_wrong);

use constant PASSPHRASE => 'SessionCryptoPassphrase "a passphrase that is long"';

my $UNITS = 'write a number and its unit, as in 90s, 30min, 8h or 30d';
my $DATES = 'write it as in RFC 3339, for example 2026-11-26T08:00:00Z';

# Lines, and words of the message. Those of the first list are wrong in .htaccess, too.
my @WRONG = (
    (map { [qq(SessionCryptoMaxLifetime "$_"), "'$_' is no lifetime", $UNITS] }
        '', 'h', '-1', '1.5h', '1 h', '30m', '8hours', '1w', 'off', 'none', '0x10', 'P30D'),
    (map { ["SessionCryptoMaxLifetime $_", "'$_' is shorter than a second", 'write a time'] } qw(0 0s 0d 999ms)),
    (map { ["SessionCryptoMaxLifetime $_", "'$_' is longer than ten years", 'write a shorter time'] }
        qw(3651d 87601h 18446744073709551615 99999999999999999999999999)),
    ['SessionCryptoMaxLifetime',          'SessionCryptoMaxLifetime'],
    ['SessionCryptoMaxLifetime 8h 9h',    'one argument'],
    (map { [qq(SessionCryptoNotBefore "$_"), "'$_' is no date with a time and a zone", $DATES] }
        '', 'now', '2026-11-26', '2026-11-26T08:00:00', '2026-11-26T08:00Z', '2026-13-26T08:00:00Z',
        '2026-02-29T08:00:00Z', '1969-12-31T23:59:59Z', '1795671730', '2026-11-26T25:00:00Z', '2026-11-26T08:00:00Z '),
    ['SessionCryptoNotBefore',            'SessionCryptoNotBefore'],
    ['SessionCryptoNotBefore 2026-11-26 08:00:00Z', 'one argument'],
);
my @WRONG_IN_SERVER = (
    ['SessionCryptoUserEntry ""',         'an entry of a session has a name: write it'],
    ['SessionCryptoUserEntry login ""',   'an entry of a session has a name: write it'],
    ['SessionCryptoUserEntry',            'SessionCryptoUserEntry'],
);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-lifetimes');
for (@WRONG, @WRONG_IN_SERVER) {
    my ($line, @words) = @$_;
    $httpd->{config} = PASSPHRASE . "\n$line\n";
    is_wrong($httpd, $line, @words);
}

for my $line (
    (map { "SessionCryptoMaxLifetime $_" } qw(1 1s 90s 1500ms 15mi 15min 8h 30d 3650d)),
    (map { "SessionCryptoNotBefore $_" } qw(
        1970-01-01T00:00:00Z 2026-11-26T08:00:00Z 2026-11-26T08:00:00+01:00 2026-11-26T08:00:00.5-11:30 2999-12-31T23:59:59Z)),
    'SessionCryptoUserEntry login', qq(SessionCryptoUserEntry login "Account Id"\nSessionCryptoUserEntry staff),
) {
    for my $section ($line, inside('Location /a', $line), host($line)) {
        $httpd->{config} = PASSPHRASE . "\n$section\n";
        is_quiet($httpd, $section =~ s{\n}{, }gr);
    }
}

for my $line ('SessionCryptoMaxLifetime 8h', 'SessionCryptoNotBefore 2026-11-26T08:00:00Z', 'SessionCryptoUserEntry login') {
    my ($directive) = $line =~ /^(\w+)/;
    $httpd->{config} = "$line\n";
    is_warned($httpd, "$directive, and no passphrase", "$directive does nothing", 'in clear', 'SessionCryptoPassphraseFile');
}

$httpd->{config} = PASSPHRASE . "\n";
$httpd->start;
for (@WRONG, ['SessionCryptoUserEntry login', 'SessionCryptoUserEntry not allowed here']) {
    my ($line, @words) = @$_;
    $httpd->write_file('htdocs/.htaccess', "$line\n");
    my $before = () = $httpd->log->lines;
    is($httpd->client->get('/')->status, 500, ".htaccess: $line");
    my ($said) = grep { m{\[core:alert\].*/\.htaccess: } } ($httpd->log->lines)[$before .. $httpd->log->lines - 1];
    like($said // '', qr/\Q$_\E/, "error_log says '$_'") for @words;
}
$httpd->write_file('htdocs/.htaccess', "SessionCryptoMaxLifetime 8h\nSessionCryptoNotBefore 2020-11-26T08:00:00Z\n");
is($httpd->client->get('/')->status, 200, '.htaccess may set a lifetime and a date');
$httpd->stop;
$httpd->log->expect(qr{\[core:alert\] .*/${\HTACCESS}}, 'the lines above');
$httpd->log->clean;

done_testing;

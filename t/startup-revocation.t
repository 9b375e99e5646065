# `httpd -t` refuses a wrong SessionCryptoRevocation, and says what to write instead. It
# needs no store, and no message shows a password.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(SECRET host inside is_accepted is_quiet is_warned is_wrong);

use constant EMPTY => "mod_session_crypto ended sessions 1\n"
    . "end 0 f00c3a831c19c27ad486488bb736a6fac5f3fae8d0a73c3b6b79dc1516cd8c82\n";

my $httpd = SessionCrypto::Httpd->new(name => 'startup-revocation');
my $dir   = $httpd->dir;
my %FILES = (
    'password'         => "# of the store\n'" . SECRET . " ' # in quotes\n",
    'passwords'        => SECRET . "\n" . SECRET . "\n",
    'password-and-word' => SECRET . " more\n",
    'no-password'      => "# " . SECRET . "\n\n",
    'empty-password'   => "''\n",
    'open-quote'       => "'" . SECRET . "\n",
    'not-utf-8'        => SECRET . "\xff\n",
    'certificate'      => certificate(),
    'ended'            => EMPTY,
    'foreign'          => "something else\n",
    'damaged'          => EMPTY =~ s/f00c/f00d/r,
    'cut'              => EMPTY =~ s/\nend .*/\n/sr,
    'longer'           => EMPTY . "more\n",
    'later'            => EMPTY =~ s/sessions 1/sessions 2/r,
);
$httpd->write_file($_, $FILES{$_}, 0600) for keys %FILES;
$httpd->write_file('unreadable', EMPTY, 0);
mkdir "$dir/directory" or die "$dir/directory: $!\n";
my $secret = SECRET;

# The words of the line, and those of the message.
for (
    ['', 'takes an argument'],
    ['maybe', 'must be on, off, or the URL', 'redis://HOST'],
    ["http://user:$secret\@store", 'must be on, off, or the URL'],
    ["user:$secret\@store", 'must be on, off, or the URL'],
    ['redis://', 'the URL has no host', 'redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]'],
    ["redis://:$secret\@", 'the URL has no host'],
    ["redis://:$secret\@a b", 'unknown option'],
    ["redis://:$secret\@store:0", 'the port in the URL', '1 to 65535'],
    ["redis://:$secret\@store:x", 'the port in the URL'],
    ["redis://:$secret\@store/x", 'after its host'],
    ["redis://:$secret%x\@store", 'percent-encoded', 'write %25 for a percent sign'],
    ['redis://web@store', 'a user without a password', 'password-file=PATH'],
    ['on size=0', 'size=0', 'from 1 to 10000000'],
    ['on size=10000001', 'size=10000001', 'from 1 to 10000000'],
    ['on size=', 'from 1 to 10000000'],
    ['on size=+1', 'from 1 to 10000000'],
    ['on size=99999999999999999999', 'from 1 to 10000000'],
    ['on size', "unknown option 'size'", 'size=NUMBER'],
    ['on size=1 size=2', "'size' stands twice"],
    ['redis://store required required', "'required' stands twice"],
    ["on password=$secret", "unknown option 'password'", 'password-file=PATH'],
    ['on required', "'required' needs a store", 'in place of \'on\''],
    ['on password-file=password', "'password-file=' needs a store"],
    ['on ca-file=certificate', "'ca-file=' needs a store"],
    ['off size=5', "'off' takes no options"],
    ['redis://store required=yes', "unknown option 'required'"],
    ['on file=', 'is not the name of a file'],
    ['on file=nowhere/ended', "$dir/nowhere is not a directory", 'make it'],
    ['on file=directory', "file=$dir/directory", 'cannot be read'],
    ['on file=unreadable', "file=$dir/unreadable", 'cannot be read'],
    ['on file=foreign', 'is not a file of ended sessions', 'write a path at which there is no file yet'],
    ['on file=damaged', 'is damaged'],
    ['on file=cut', 'is damaged'],
    ['on file=longer', 'it goes on after its last line'],
    ['on file=later', 'has a form that this version does not know'],
    ['redis://store password-file=nowhere', "$dir/nowhere cannot be read"],
    ['redis://store password-file=directory', 'is a directory'],
    ['redis://store password-file=passwords', 'does not have one password'],
    ['redis://store password-file=password-and-word', 'does not have one password'],
    ['redis://store password-file=no-password', 'does not have one password'],
    ['redis://store password-file=empty-password', 'does not have one password'],
    ['redis://store password-file=not-utf-8', 'does not have one password'],
    ['redis://store password-file=open-quote', 'line 1', 'a quote is not closed'],
    ["redis://:$secret\@store password-file=password", 'in the URL and in password-file='],
    ['redis://store ca-file=certificate', 'ca-file= is for TLS', 'rediss://'],
    ['rediss://store ca-file=nowhere', "ca-file=$dir/nowhere", 'No such file'],
    ['rediss://store ca-file=password', "ca-file=$dir/password", 'has no certificate in PEM'],
) {
    my ($words, @says) = @$_;
    $httpd->{config} = "SessionCryptoRevocation $words\n";
    is_wrong($httpd, $words =~ s/$secret/SECRET/r || 'no word', @says);
}

for my $words (
    'on', 'ON', 'off', 'on size=1', 'on size=10000000', 'on file=new', 'on file=ended size=5',
    'redis://store', 'redis://store:7000/3 size=5 required', 'redis://[::1]:7000',
    "redis://web:$secret\@store", "redis://:$secret\@store",
    'redis://store password-file=password', 'redis://web@store password-file=password required',
    'rediss://store ca-file=certificate', 'rediss://store',
    ) {
    $httpd->{config} = "SessionCryptoRevocation $words\n";
    is_quiet($httpd, $words);
}
$httpd->{config} = "SessionCryptoRevocation on\nSessionCryptoRevocation off\n";
is_quiet($httpd, 'a later line in place of an earlier one');

for my $section ('Location /', "Directory $dir", 'Files x') {
    $httpd->{config} = inside($section, "# wrong:\nSessionCryptoRevocation on");
    is_wrong($httpd, "in <$section>", 'not allowed');
}
$httpd->{config} = host("# wrong:\nSessionCryptoRevocation on");
is_wrong($httpd, 'in a virtual host', 'of the whole server', 'out of <VirtualHost>');

# A line that says whose sessions a request may end does nothing without the list.
my $ends = "# wrong:\nSessionCryptoEndSessionsFor any";
for my $list ('', 'SessionCryptoRevocation off', "SessionCryptoRevocation on\nSessionCryptoRevocation off") {
    for my $where ($ends, inside('Location /out', $ends), host($ends), host(inside('Location /out', $ends)), inside('Location /', inside('If true', $ends =~ s/any/own/r))) {
        $httpd->{config} = "$list\n$where\n";
        my $output = is_wrong($httpd, "'$list' and a line in " . ($where =~ /^<(\w+)/ ? $1 : 'no section'), 'SessionCryptoEndSessionsFor does nothing',
            "write 'SessionCryptoRevocation on'", 'or take the line out');
        like($output, qr/\[session_crypto:emerg\] .*\] SC0367: on line /, 'with its code');
    }
}
$httpd->{config} = "SessionCryptoRevocation on\n" . inside('Location /out', "# wrong:\nSessionCryptoEndSessionsFor all");
is_wrong($httpd, 'another word for whose sessions', "'all' is neither 'own' nor 'any'", 'or take the line out');
# The list may come after the line.
$httpd->{config} = host(inside('Location /out', $ends)) . "SessionCryptoRevocation on\n";
is_accepted($httpd, 'with a list');
$httpd->{config} = inside('Location /out', 'SetHandler session-crypto-end-sessions');
is_accepted($httpd, 'the handler alone');

for my $mode (0604, 0602, 0620) {
    chmod $mode, "$dir/password";
    $httpd->{config} = "SessionCryptoRevocation redis://store password-file=password\n";
    is_warned($httpd, sprintf('a password file of mode %o', $mode), "$dir/password may be");
}

done_testing;

sub certificate {
    require SessionCrypto::Certificates;
    my $pair = SessionCrypto::Certificates::certificate($dir, 'authority', 'ec:P-256');
    open my $file, '<', $pair->{certificate} or die "$pair->{certificate}: $!\n";
    local $/;
    return <$file>;
}

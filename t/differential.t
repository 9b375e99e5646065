# Random configurations, sessions and tokens have the same verdict under the C module and this
# module. Where they have not, a row of docs/differences.md says so, and it is the row that the
# case was made for: a token that is not canonical base64, a passphrase that is an old one, and
# so on. t/differences.t shows the rows.
#
# A verdict is all that a client sees: the status, the session of the page, and whether a cookie
# is set. The sessions that both save are opened by both.
#
# SESSION_CRYPTO_FULL=1 asks for 100,000 tokens, and not 3,000, and has mpm_prefork too. A verdict
# does not depend on the MPM. SEED repeats a run.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Chance      qw(forged mutated section text);
use SessionCrypto::Classic     ();
use SessionCrypto::Differences ();
use SessionCrypto::Httpd       ();
use SessionCrypto::Twins       ();

plan(skip_all => 'SESSION_CRYPTO_FULL=1 compares under mpm_prefork too')
    if SessionCrypto::Httpd::env('MPM') eq 'prefork' && !$ENV{SESSION_CRYPTO_FULL};

use constant { TOKENS => $ENV{SESSION_CRYPTO_FULL} ? 100_000 : 3_000, SECTIONS => $ENV{SESSION_CRYPTO_FULL} ? 400 : 60 };
# Tokens that each server seals in each section, cases that are asked for at one time, and the
# differences without a row that are printed.
use constant { SEALED => 2, AT_ONCE => 500, PRINTED => 20 };
# The part of the sessions that both save that both open again.
use constant OPENED_AGAIN => 0.2;
use constant NOW => time;

my $seed = $ENV{SEED} // ($ENV{SESSION_CRYPTO_FULL} ? int NOW : 20_261_126);
srand $seed;
note("SEED=$seed");

my $differences = SessionCrypto::Differences->new;
my (%files, @unexplained, %count);
my @sections = map { section($_, \%files, (rows())[$_]) } 0 .. SECTIONS - 1;
my $begin    = time;
my $twins    = SessionCrypto::Twins->new('differential', files => \%files, one_child => 1);
my @verdicts = $twins->judge(map { [$_->{lines}, $_->{inner_lines}] } @sections);
configuration($_) for 0 .. $#sections;
note(sprintf '%d configurations in %.1f s: %s', SECTIONS, time - $begin, counts(qw(same-configuration), map {"row $_"} rows()));

my @places = places();
cmp_ok(scalar @places, '>=', SECTIONS / 3, @places . ' places with sessions');
sealed_by_both();
my $asked = 0;
while ($asked < TOKENS) {
    my @cases = map { token_case() } 1 .. AT_ONCE;
    judge_tokens(@cases);
    $asked += @cases;
}
$twins->stop;

note(sprintf '%d tokens in %.1f s: %s', $asked, time - $begin, counts(sort grep { !/configuration/ } keys %count));
diag($_) for @unexplained > PRINTED ? (@unexplained[0 .. PRINTED - 1], @unexplained - PRINTED . ' more') : @unexplained;
is(scalar @unexplained, 0, 'each difference has a row of docs/differences.md') or diag("SEED=$seed");
cmp_ok($count{"both $_"} // 0, '>=', $asked / 20, "tokens that both $_") for qw(open refuse);
$differences->are_reached(qw(base64 old-key own-entry nul says-nothing), rows());
is(scalar(() = $_->log->lines(qr/exit signal/)), 0, 'no child has crashed') for $twins->c, $twins->ours;
$twins->ours->log->expect(qr/session refused/, 'tokens that do not open');
$twins->ours->log->expect(qr/browsers may drop the cookie|SC0[457]\d\d/, 'random configurations, and long cookies');
$twins->ours->log->expect(qr/AH01819/, 'sessions that have expired');
$twins->ours->log->clean;
done_testing;

# The rows of configurations that are made to differ.
sub rows { return qw(empty-file open-quote jwk-set utf-16 large-file bad-line unknown-cipher) }

sub counts { return join ', ', map {"$_ $count{$_}"} grep { $count{$_} } @_ }

# Judges the verdict on a configuration: this module refuses what it was made to refuse.
sub configuration {
    my ($number) = @_;
    my $section = $sections[$number];
    my %verdict = %{ $verdicts[$number] };
    my @refused = grep { $_ ne 'byte-order-mark' } @{ $section->{rows} };
    if ($verdict{c} eq 'refused' || ($verdict{ours} eq 'refused') != (@refused > 0)) {
        my $why = $twins->refusal($number) // '';
        my $file = join '', map { "$_: " . ($files{$_} // '') =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger . "\n" } grep { /^keys\/$number(?:-in)?$/ } sort keys %files;
        push @unexplained, "configuration $number: C module $verdict{c}, this module $verdict{ours}, made for: @refused\n$section->{lines}\ninside: $section->{inner_lines}\n$file$why";
    }
    elsif (@refused) {
        reach($_) for @refused;
    }
    else { $count{'same-configuration'}++ }
    return;
}

sub reach {
    my ($row) = @_;
    $differences->reach($row);
    $count{"row $row"}++;
    return;
}

# The sections that both modules accept, and those in them.
sub places {
    my @places;
    for my $number (0 .. $#sections) {
        next if $verdicts[$number]{c} eq 'refused' || $verdicts[$number]{ours} eq 'refused';
        my $section = $sections[$number];
        next if grep { $_ eq 'byte-order-mark' } @{ $section->{rows} };
        for my $place (["/$number", $section], ["/$number/in", $section->{inner}]) {
            my ($path, $settings) = @$place;
            my @keys = map { SessionCrypto::Classic->new(passphrase => $_, cipher => $settings->{cipher}) } @{ $settings->{passphrases} // [] };
            push @places, { path => $path, number => $number, keys => \@keys, salts => [map { join '', map { chr rand 256 } 1 .. 16 } @keys], sealed => [] };
        }
    }
    return @places;
}

# Has both servers seal sessions in each place, and both open them.
sub sealed_by_both {
    my @requests = map { my $place = $_; map { [$place->{path}, 'X-S' => header_text()] } 1 .. SEALED } @places;
    my @pairs    = $twins->ask_all(\@requests);
    my @cases;
    for my $number (0 .. $#requests) {
        my $place = $places[$number / SEALED];
        for my $answer (@{ $pairs[$number] }) {
            my $token = $answer->token // next;
            push @{ $place->{sealed} }, $token;
            push @cases, { place => $place, how => 'sealed by a server', token => $token };
        }
    }
    cmp_ok(scalar @cases, '>=', @places * SEALED, @cases . ' sessions are sealed by the servers');
    judge_tokens(@cases);
    return;
}

# A text that a request header can have.
sub header_text { return text() =~ tr/\0\r\n//dr }

sub token_case {
    my $place = $places[rand @places];
    my %case  = (place => $place);
    if (@{ $place->{keys} } && rand() < 0.7) {
        my $number = int rand(rand() < 0.6 ? 1 : @{ $place->{keys} });
        @case{qw(how token)} = forged($place->{keys}[$number], $place->{salts}[$number]);
        $case{is_old} = $place->{keys}[$number]{passphrase} ne $place->{keys}[0]{passphrase};
        # The session of a neighbour.
        $case{place} = $places[rand @places] if rand() < 0.03;
    }
    else {
        my $sealed = @{ $place->{sealed} } ? $place : $places[0];
        @case{qw(how token)} = ('sealed by a server', $sealed->{sealed}[rand @{ $sealed->{sealed} }] // '');
    }
    if (rand() < 0.45) {
        (my $how, $case{token}) = mutated($case{token});
        $case{how} .= ", $how";
    }
    $case{set} = header_text() if rand() < 0.2;
    return \%case;
}

sub judge_tokens {
    my (@cases) = @_;
    my @pairs = $twins->ask_all([map { request($_) } @cases]);
    my @written;
    for my $number (0 .. $#cases) {
        my ($case, $pair) = ($cases[$number], $pairs[$number]);
        my ($c, $ours)    = map { verdict($_) } @$pair;
        if ($c eq $ours && is_to_differ($case, $c)) { unexplained($case, $c, $ours) }
        elsif ($c eq $ours) {
            $count{ $pair->[0]->body =~ /\A(?:expiry=\d+)?\z/ ? 'both refuse' : 'both open' }++;
            push @written, $case if length($pair->[0]->token // '') && rand() < OPENED_AGAIN;
            $case->{written} = [map { $_->token } @$pair];
        }
        elsif (defined(my $row = row($case, $c, $ours))) { reach($row) }
        else { unexplained($case, $c, $ours) }
    }
    # Sessions that both have saved.
    my @again = map { my $case = $_; map { [$case, $_] } @{ $case->{written} } } @written;
    my @opened = $twins->ask_all([map { [$_->[0]{place}{path}, session => $_->[1]] } @again]);
    for (my $number = 0; $number < @again; $number += 2) {
        my @verdicts = map { verdict($_) } map {@$_} @opened[$number, $number + 1];
        $count{'saved by both'}++;
        my $case = { %{ $again[$number][0] }, how => "$again[$number][0]{how}, saved", token => $again[$number][1] };
        for my $other (grep { $_ ne $verdicts[0] } @verdicts[1 .. $#verdicts]) {
            my $row = row($case, $verdicts[0], $other);
            defined $row ? reach($row) : unexplained($case, @verdicts);
        }
    }
    return;
}

sub request {
    my ($case) = @_;
    return [$case->{place}{path}, session => $case->{token}, defined $case->{set} ? ('X-S' => $case->{set}) : ()];
}

# The view of a client. An expiry that a server has just given differs by some time.
sub verdict {
    my ($answer) = @_;
    my $token = $answer->token;
    my $body  = $answer->body =~ s{\bexpiry=(\d+)}{'expiry=' . ($1 > 1e6 * (NOW + 90_000) && $1 < 1e6 * (NOW + 110_000) ? 'later' : $1)}iger;
    return join ' | ', $answer->status, $body, !defined $token ? 'no cookie' : length $token ? 'a cookie' : 'cookie removed';
}

# The row of docs/differences.md that a case was made for, if it explains these verdicts.
sub row {
    my ($case, @verdicts) = @_;
    my ($c, $ours)            = map { (split / \| /, $_, 3)[1] } @verdicts;
    my ($c_writes, $we_write) = map { !/ \| no cookie\z/ } @verdicts;
    my $is_empty = $ours =~ /\A(?:expiry=later)?\z/;
    my $token    = $case->{token} =~ s/\A[ \t]+|[ \t]+\z//gr;
    return 'base64'        if $is_empty && encode_base64(decode_base64($token), '') ne $token;
    return 'nul'           if $is_empty && $case->{how} =~ /a NUL byte/;
    return 'says-nothing'  if $is_empty && $c =~ /\A(?:expiry=\w+)?\z/;
    return 'own-entry'     if $c ne $ours && without_entry($c) eq without_entry($ours) && $c_writes == $we_write;
    return 'old-key'       if $case->{is_old} && without_entry($c) eq without_entry($ours) && !$c_writes && $we_write;
    return undef;
}

# Whether a session is read under an old passphrase, which this module is to save again.
sub is_to_differ {
    my ($case, $c) = @_;
    return 0 if !$case->{is_old} || $case->{how} ne 'a session' || defined $case->{set};
    my ($status, $session, $cookie) = split / \| /, $c, 3;
    return $cookie eq 'no cookie' && scalar grep { !/\A(?:expiry|session-crypto)=/i } split /&/, $session;
}

sub without_entry { return join '&', grep { !/\Asession-crypto=/i } split /&/, $_[0] }

sub unexplained {
    my ($case, @verdicts) = @_;
    my $section = $sections[ $case->{place}{number} ];
    push @unexplained, join "\n", "$case->{place}{path}, $case->{how}" . ($case->{is_old} ? ', an old passphrase' : ''), "token: $case->{token}",
        defined $case->{set} ? "X-S: $case->{set}" : (), @verdicts, $section->{lines}, "inside: $section->{inner_lines}", '';
    return;
}
